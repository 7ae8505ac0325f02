// The configuration of `audgate demo`: the checked-in gateway.json, which is part of the program.

internal import Configuration

/// The configuration that needs no file.
enum DemoConfiguration {
    /// Compiles the text.
    static func load() throws(ConfigurationError) -> GatewayConfiguration {
        let source = ConfigurationSource(name: "gateway.json", text: PackageResources.gateway_json)
        return try ConfigurationLoader.compile(source)
    }
}
