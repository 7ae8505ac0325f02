// All listeners of a configuration, whatever they are for.

internal import Configuration
internal import Policy

extension GatewayConfiguration {
    /// The listeners for clients, and the admin listener behind them.
    var listeners: [Listener] { snapshot.listeners + (admin.map { [$0.listener] } ?? []) }
}
