// What answers at an admin listener: no route, no policy, one function.

public import HTTP
internal import Logging
public import Policy
internal import Transport

/// Answers requests by itself, on the thread of the worker that took them.
public protocol Site: Sendable {
    /// The answer to a request; its body is not looked at.
    func answer(_ request: borrowing RequestHead) -> LocalResponse
}

extension Worker {
    /// Answers a request that arrived at an admin listener.
    func answerFromSite(_ exchange: Exchange) {
        guard let site = services.site else {
            return respond(exchange, with: LocalResponse(refusing: .access(.routeUnknown)))
        }
        // An answer is held whole until it is read.
        guard admit(exchange) else { return }
        respond(exchange, with: site.answer(exchange.request))
    }
}
