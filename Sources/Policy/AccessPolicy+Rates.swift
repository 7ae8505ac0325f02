// The steps that count: tokens of an address that is refused all the time, and requests of who may send them.

internal import Bytes
internal import MCP
internal import OpenSSL

extension AccessPolicy {
    // Step 8, before the token is looked at
    static func checkRefusals(
        _ digest: Digest256,
        _ meter: RateMeter,
        _ snapshot: Snapshot
    ) throws(Stop) {
        do throws(RateRefusal) {
            try meter.allowToken(digest, by: snapshot.limits.rates)
        } catch {
            var response = LocalResponse(refusing: .access(error.reason))
            response.addRetryAfter(error)
            throw .respond(response)
        }
    }

    // Step 15, of a request without a message
    static func checkRates(
        _ principal: Principal,
        _ meter: RateMeter,
        _ snapshot: Snapshot
    ) throws(Stop) {
        do throws(RateRefusal) {
            try meter.take(of: principal, [], by: snapshot.limits.rates)
        } catch {
            var response = LocalResponse(refusing: .access(error.reason))
            response.addRetryAfter(error)
            throw .respond(response)
        }
    }

    // Step 15
    static func checkRates(
        _ envelope: borrowing Envelope,
        _ body: borrowing Span<UInt8>,
        _ route: Route,
        _ principal: Principal,
        _ meter: RateMeter,
        _ snapshot: Snapshot
    ) throws(Stop) {
        let rates = snapshot.limits.rates
        let tools = rates.tools.isEmpty ? [] : turns(of: envelope, body, route, principal, rates)
        do throws(RateRefusal) {
            try meter.take(of: principal, tools, by: rates)
        } catch {
            let id = id(of: envelope, in: body)
            var response = LocalResponse(refusing: .access(error.reason), code: rateCode, id: id)
            response.addRetryAfter(error)
            throw .respond(response)
        }
    }

    /// The JSON-RPC code of a message that came too soon: those from -32768 to -32000 belong to the specifications.
    private static let rateCode = 429

    /// The turns that the calls of tools need, each bucket once.
    private static func turns(
        of envelope: borrowing Envelope,
        _ body: borrowing Span<UInt8>,
        _ route: Route,
        _ principal: Principal,
        _ rates: RateLimits
    ) -> [ToolTurns] {
        var turns: [ToolTurns] = []
        for message in envelope.messages {
            guard let method = message.method, envelope.equals(method, "tools/call", in: body),
                let (bucket, rate) = rates.rate(ofTool: message.name.map { envelope.string($0, in: body) })
            else { continue }
            let key = HashedKey([bucket, route.resource.text], below: principal.key)
            if let known = turns.firstIndex(where: { $0.key == key }) {
                turns[known].turns += 1
            } else {
                turns.append(ToolTurns(key: key, rate: rate, turns: 1))
            }
        }
        return turns
    }
}

extension LocalResponse {
    /// Says in how many whole seconds there would be a turn.
    fileprivate mutating func addRetryAfter(_ refusal: RateRefusal) {
        add("Retry-After", "\(max((refusal.wait + 999_999_999) / 1_000_000_000, 1))")
    }
}
