// The end of the process, so that no request is lost by it.

internal import Logging
internal import Policy
internal import Proxy
internal import Transport

extension Gateway {
    /// After SIGTERM: says to load balancers that no more traffic is wanted, gives them `drain_delay` to notice, and then
    /// stops accepting.
    func drain() {
        let limits = limits
        wasToldToEnd = true
        lifecycle.leave(within: limits.drainDelay + limits.drainTimeout)
        logger.notice("Draining.", metadata: ["connections": "\(connections)"])
        state.noteDrain()
        tell(.announceDrain)
        if limits.drainDelay > 0, !wait(milliseconds: limits.drainDelay, until: { false }) { return }
        finish(isHandedOver: false)
    }

    /// Stops accepting, and waits until the last connection has closed, but not longer than `drain_timeout`.
    ///
    /// - Parameter isHandedOver: Whether the next process has the sockets. Health checks stay good then: its address is
    ///   that of this one.
    func finish(isHandedOver: Bool) {
        letGoOfSockets(isHandedOver: isHandedOver)
        tell(.drain(isHandedOver: isHandedOver))
        _ = wait(milliseconds: limits.drainTimeout) { statuses.allSatisfy(\.hasDrained) }
    }

    /// Waits; false if a second signal says to end at once.
    private func wait(milliseconds: Int, until isDone: () -> Bool) -> Bool {
        let deadline = Clock.monotonicMilliseconds + milliseconds
        while Clock.monotonicMilliseconds < deadline, !isDone() {
            lifecycle.watch(statuses)
            guard heedWhileDraining(signals.wait(milliseconds: 20)) else { return false }
        }
        return true
    }

    /// Does what a signal says; false if that is to end at once.
    func heedWhileDraining(_ signal: OperatorSignal?) -> Bool {
        switch signal {
        case .terminate?:
            guard !wasToldToEnd else { return false }
            wasToldToEnd = true
            logger.notice("Draining already. A second signal ends this process at once.")
        case .reopenLogs?: logs.reopen()
        case .reload?: refuse(ReloadRefusal("this process is draining."))
        case .upgrade?: logger.error("No upgrade: this process is draining.")
        case nil: break
        }
        return true
    }
}
