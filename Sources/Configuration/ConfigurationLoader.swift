// From a path or a text to a checked configuration, or to everything that is wrong with it.

internal import Bytes
internal import JSON
internal import OpenSSL

/// Loads configurations. Nothing is half applied: there is a whole configuration or none.
public enum ConfigurationLoader {
    /// Most files that one configuration includes.
    public static let maximumIncludedFiles = 1000

    /// Loads the file at `path`, the files that it includes, and the certificates and keys that they name. Blocks
    /// while it reads.
    ///
    /// - Parameters:
    ///   - path: Path of the root file; relative paths within are relative to its folder.
    ///   - sessionKey: What seals session ids where the configuration names no keys, at least 32 octets; nil for a
    ///     fresh secret.
    ///   - legacy: What the configuration before it in the same process has left.
    ///   - files: Gets the files that were read, or should have been.
    /// - Returns: The configuration, with its warnings.
    /// - Throws: All problems at once.
    public static func load(
        path: String,
        sessionKey: [UInt8]? = nil,
        inheriting legacy: ConfigurationLegacy = ConfigurationLegacy(),
        noting files: ReadFiles = ReadFiles()
    ) throws(ConfigurationError) -> GatewayConfiguration {
        files.note(path: path)
        switch ConfigurationFile.read(path) {
        case .success(let root):
            var surroundings = ConfigurationSurroundings.system(beside: root, noting: files)
            surroundings.inherited = legacy
            surroundings.sessionKey = sessionKey
            return try compile(root, beside: surroundings)
        case .failure(let error): throw unreadable(path, error)
        }
    }

    /// The one problem of a file that cannot be read.
    static func unreadable(_ path: String, _ error: ConfigurationFileError) -> ConfigurationError {
        let findings = Findings()
        let text = SourceText(ConfigurationSource(name: path, text: []))
        findings.add(.error, in: text, at: 0, "", error.sentence, "Name a file that can be read.")
        return ConfigurationError(diagnostics: findings.sorted(first: path))
    }

    /// Compiles `root` and the files that it includes. Reads no file, no variable and no clock by itself.
    ///
    /// - Parameters:
    ///   - root: The text of the root file.
    ///   - surroundings: Gives included files, certificates, keys and the time; none of them unless said otherwise.
    /// - Returns: The configuration, with its warnings.
    /// - Throws: All problems at once.
    public static func compile(
        _ root: ConfigurationSource,
        beside surroundings: ConfigurationSurroundings = ConfigurationSurroundings()
    ) throws(ConfigurationError) -> GatewayConfiguration {
        let findings = Findings()
        var texts = [SourceText(root)]
        guard let node = texts[0].read(reporting: findings) else {
            throw ConfigurationError(diagnostics: findings.sorted(first: root.name))
        }
        texts += includedTexts(of: node, surroundings.find)
        let included = texts.dropFirst().compactMap { $0.read(reporting: findings) }
        let object = RootObject(node, including: included, beside: surroundings)
        let diagnostics = findings.sorted(first: root.name)
        let text = texts.flatMap(\.source.text)
        let hash = SHA256.digest(of: text.span).hexadecimal
        guard !findings.hasErrors, let configuration = object?.result(hash: hash, warnings: diagnostics)
        else {
            throw ConfigurationError(diagnostics: diagnostics)
        }
        return configuration
    }

    private static func includedTexts(of root: Node, _ find: ConfigurationSurroundings.FileFinder)
        -> [SourceText]
    {
        let member = root.value.object?.members.first { $0.name == RootMember.include.rawValue }
        guard let node = member.map(root.child) else { return [] }
        var texts: [SourceText] = []
        var names: Set<String> = []
        for pattern in node.distinctStrings("a list of glob patterns such as [\"routes.d/*.json\"]") ?? [] {
            let found = find(pattern.value)
            if found.isEmpty { reportNoMatch(pattern) }
            for file in found {
                guard texts.count < maximumIncludedFiles else {
                    pattern.node.error(
                        "The patterns match more than \(maximumIncludedFiles) files.",
                        "Merge them."
                    )
                    return texts
                }
                switch file {
                case .success(let source):
                    if names.insert(source.name).inserted { texts.append(SourceText(source)) }
                case .failure(let error):
                    pattern.node.error(error.sentence, "Include only files that can be read.")
                }
            }
        }
        return texts
    }

    private static func reportNoMatch(_ pattern: Located<String>) {
        if pattern.value.utf8.contains(where: { "*?[".utf8.contains($0) }) {
            pattern.node.warning("The pattern matches no file.", "Remove it if that is not for later.")
        } else {
            pattern.node.error("There is no file \"\(pattern.value)\".", "Name a file that exists.")
        }
    }
}
