// The configuration of `audgate demo`: the checked-in gateway.json, which is part of the program.

internal import Configuration
internal import Server

/// The configuration that needs no file.
enum DemoConfiguration {
    /// Compiles the text.
    static func load() throws(ConfigurationError) -> GatewayConfiguration {
        let source = ConfigurationSource(name: "gateway.json", text: PackageResources.gateway_json)
        return try ConfigurationLoader.compile(source)
    }

    /// The text, which never changes.
    static var origin: ConfigurationOrigin {
        ConfigurationOrigin(files: ReadFiles()) { (_, _) throws(ConfigurationError) in try load() }
    }
}
