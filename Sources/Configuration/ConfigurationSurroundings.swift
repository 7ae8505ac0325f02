// What a configuration is read beside: other files, environment variables, the system's authorities and the time.

public import OpenSSL
internal import Transport

/// Everything that lies outside a configuration's text, as functions: compiling does no I/O of its own.
public struct ConfigurationSurroundings {
    /// Finds the files that a pattern of `include` names, relative to the folder of the root file, in the order of
    /// their names.
    public typealias FileFinder = (String) -> [Result<ConfigurationSource, ConfigurationFileError>]
    /// Reads the file at a path that is relative to the working folder.
    public typealias FileReader = (String) -> Result<[UInt8], ConfigurationFileError>
    /// Gives the system's certificate authorities, with these revocation lists (PEM) if there are any.
    public typealias AuthorityFinder = ([UInt8]?) -> Result<TrustAnchors, CertificateError>

    /// Finds included files.
    public var find: FileFinder = { _ in [] }
    /// Reads certificates, keys and what belongs to them.
    public var read: FileReader = {
        .failure(ConfigurationFileError(path: $0, reason: "There are no files here"))
    }
    /// The value of an environment variable, nil if it is not set.
    public var variable: (String) -> String? = { _ in nil }
    /// Gives the system's certificate authorities.
    public var authorities: AuthorityFinder = ConfigurationSurroundings.systemAuthorities
    /// What seals session ids where the configuration names no keys, at least 32 octets; nil for a fresh secret.
    public var sessionKey: [UInt8]?
    /// Seconds since the Unix epoch, for the dates of certificates.
    public var now: Int64 = 0
    /// What the configuration before has left.
    public var inherited = ConfigurationLegacy()

    /// No files and no variables.
    public init() {}

    /// The files and the environment of this process, and the time. Patterns are relative to the folder of `root`; what
    /// is read is noted in `files`.
    static func system(
        beside root: ConfigurationSource,
        noting files: ReadFiles
    ) -> ConfigurationSurroundings {
        var surroundings = ConfigurationSurroundings()
        surroundings.find = { ConfigurationFile.matching(root.resolve($0), noting: files) }
        surroundings.read = { path in
            files.note(path: path)
            return ConfigurationFile.read(path).map(\.text)
        }
        surroundings.variable = { ConfigurationFile.variable($0) }
        surroundings.now = Int64(Clock.unixMicroseconds / 1_000_000)
        return surroundings
    }

    private static func systemAuthorities(revocations: [UInt8]?) -> Result<TrustAnchors, CertificateError> {
        do throws(CertificateError) {
            guard let revocations else { return .success(try TrustAnchors.system()) }
            return .success(try TrustAnchors.systemWith(revocations: revocations))
        } catch {
            return .failure(error)
        }
    }
}
