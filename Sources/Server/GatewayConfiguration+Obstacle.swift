// What a reload cannot change.

internal import Configuration

extension GatewayConfiguration {
    /// Why a running process cannot go over to `new`, as a sentence; nil if it can.
    func obstacle(to new: GatewayConfiguration) -> String? {
        if workers != new.workers {
            return
                "\"workers\" has changed, and threads stay as they are. Upgrade the process (SIGUSR2) or restart it."
        }
        if development != new.development {
            return "\"development\" has changed. Restart the process."
        }
        if log.access != new.log.access {
            return "\"log\" has changed. Upgrade the process (SIGUSR2) or restart it."
        }
        return nil
    }
}
