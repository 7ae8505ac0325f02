// The text of one configuration file, with its name and folder.

/// The text of one file.
public struct ConfigurationSource: Sendable {
    /// The file's name, as diagnostics show it.
    public let name: String
    /// Folder that relative paths in the text are relative to; empty for the working folder.
    public let directory: String
    /// What the file holds.
    public let text: [UInt8]

    /// Names a text. Without `directory` paths are relative to the folder part of `name`.
    public init(name: String, directory: String? = nil, text: [UInt8]) {
        self.name = name
        self.directory = directory ?? ConfigurationSource.directory(of: name)
        self.text = text
    }

    /// `path`, or if it is relative, the same below the folder of this file.
    func resolve(_ path: String) -> String {
        guard !path.hasPrefix("/"), !directory.isEmpty else { return path }
        return directory.hasSuffix("/") ? directory + path : "\(directory)/\(path)"
    }

    private static func directory(of name: String) -> String {
        guard let slash = name.lastIndex(of: "/") else { return "" }
        return slash == name.startIndex ? "/" : String(name[..<slash])
    }
}
