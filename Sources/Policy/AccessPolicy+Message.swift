// The steps that look at the message: envelope, revision, session, scopes of its operations.

internal import Bytes
internal import HTTP
internal import JOSE
internal import MCP

extension AccessPolicy {
    static func checkRevision(ofBodiless request: borrowing RequestHead) throws(Stop) {
        do throws(ProtocolViolation) {
            _ = try ProtocolRules.era(ofBodiless: request)
        } catch {
            guard error != .methodNotAllowed else { throw .methodNotAllowed("POST, OPTIONS") }
            throw .respond(LocalResponse(refusing: .protocolRule(error), code: error.code, id: nil))
        }
    }

    // Step 12
    static func read(_ body: borrowing Span<UInt8>, _ envelope: inout Envelope) throws(Stop) {
        do throws(EnvelopeViolation) {
            try envelope.read(body)
        } catch {
            let id = id(of: envelope, in: body)
            throw .respond(LocalResponse(refusing: .envelope(error), code: error.code, id: id))
        }
    }

    // Step 13
    static func era(
        of envelope: borrowing Envelope,
        _ body: borrowing Span<UInt8>,
        _ request: borrowing RequestHead
    ) throws(Stop) -> Era {
        do throws(ProtocolViolation) {
            return try ProtocolRules.era(of: envelope, body: body, head: request)
        } catch {
            let id = id(of: envelope, in: body)
            throw .respond(LocalResponse(refusing: .protocolRule(error), code: error.code, id: id))
        }
    }

    /// The octets of the id that an error answers to.
    static func id(of envelope: borrowing Envelope, in body: borrowing Span<UInt8>) -> [UInt8]? {
        guard let range = envelope.id else { return nil }
        return Array(copying: body.extracting(range))
    }

    // Step 14, of a request without a message
    static func session(
        of request: borrowing RequestHead,
        _ route: Route,
        _ principal: Principal,
        _ snapshot: Snapshot,
        _ sessions: SessionTable
    ) throws(Stop) -> SessionPlace? {
        do throws(SessionViolation) {
            _ = try SessionRule.legacyPlace(of: request, at: route, for: principal, snapshot)
            return try SessionRule.place(of: request, at: route, for: principal, snapshot, sessions)
        } catch {
            throw .respond(LocalResponse(refusing: .session(error), code: -32600, id: nil))
        }
    }

    // Step 14
    static func session(
        of request: borrowing RequestHead,
        _ era: Era,
        _ envelope: borrowing Envelope,
        _ body: borrowing Span<UInt8>,
        _ route: Route,
        _ principal: Principal,
        _ snapshot: Snapshot,
        _ sessions: SessionTable
    ) throws(Stop) -> (place: SessionPlace?, target: [UInt8]?) {
        do throws(SessionViolation) {
            if let place = try SessionRule.legacyPlace(of: request, at: route, for: principal, snapshot) {
                return (place, place.id)
            }
            // Since 2026-07-28 a session id means nothing.
            guard era == .legacy else { return (nil, nil) }
            return (try SessionRule.place(of: request, at: route, for: principal, snapshot, sessions), nil)
        } catch {
            let id = id(of: envelope, in: body)
            throw .respond(LocalResponse(refusing: .session(error), code: -32600, id: id))
        }
    }

    // Step 15
    static func checkOperations(
        _ envelope: borrowing Envelope,
        _ body: borrowing Span<UInt8>,
        _ route: Route,
        _ principal: Principal,
        _ snapshot: Snapshot
    ) throws(Stop) {
        let missing = OperationRule.missing(
            envelope,
            in: body,
            at: route,
            from: principal.token.scopes,
            implications: snapshot.scopeImplications
        )
        guard !missing.isEmpty else { return }
        throw .challenge(.access(.insufficientScope), route, scopes: missing)
    }
}
