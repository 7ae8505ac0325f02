// The development servers of a configuration.

internal import Configuration
internal import Development
internal import JOSE
internal import Policy
internal import Server

extension GatewayRun {
    /// Starts the authorization server and the sample servers, if the configuration asks for them.
    static func startDevelopment(_ configuration: GatewayConfiguration) throws(DevelopmentError)
        -> DevelopmentSetup?
    {
        guard let settings = configuration.development else { return nil }
        let setup = try DevelopmentSetup(configuration: development(settings, configuration.snapshot))
        try setup.start()
        return setup
    }

    /// What the servers need to know: the routes' resources with their scopes, and where each server listens.
    private static func development(
        _ settings: DevelopmentSettings,
        _ snapshot: Snapshot
    ) -> DevelopmentConfiguration {
        let address = settings.authorizationServer
        let issuer = snapshot.issuers.first { $0.rules.issuer == "http://" + address }
        return DevelopmentConfiguration(
            authorizationServer: address,
            issuer: issuer?.rules.issuer,
            resources: snapshot.routes.map { route in
                let operations = Array(route.operations.tools.values) + route.operations.methods.values
                let others = Set(operations.joined()).subtracting(route.scopes).sorted()
                return .init(
                    identifier: route.resource.text,
                    scopes: route.scopes + others,
                    defaultScopes: route.scopes
                )
            },
            servers: settings.servers.sorted { $0.key < $1.key }.compactMap { name, address in
                DevelopmentConfiguration.Server.Name(rawValue: name).map { .init(name: $0, address: address) }
            }
        )
    }
}
