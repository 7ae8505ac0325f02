// Where configurations come from.

public import Configuration

/// Where the configuration of a process came from, and where the next one will.
public struct ConfigurationOrigin {
    /// Loads a configuration, given what the one before has left, and notes which files it read.
    public typealias Loader = (ConfigurationLegacy, ReadFiles) throws(ConfigurationError) ->
        GatewayConfiguration

    /// The files that the configuration of now was read from.
    let files: ReadFiles
    /// Loads the next configuration.
    let load: Loader

    /// Puts together what was read and how to read it anew.
    public init(files: ReadFiles, load: @escaping Loader) {
        self.files = files
        self.load = load
    }
}
