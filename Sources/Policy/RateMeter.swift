// Counts requests against the rates, in tables that all workers share.

internal import OpenSSL

/// The buckets of all rates.
public final class RateTables: Sendable {
    let principals: MomentTable
    let clients: MomentTable
    let tools: MomentTable
    let refusals: MomentTable
    /// Tokens that a worker has verified, by their digests, until they expire: other workers may verify them, too.
    let verified: MomentTable

    /// Makes tables that hold at least `entries` keys each; they take no memory before they are used.
    public init(entries: Int) {
        principals = MomentTable(capacity: entries)
        clients = MomentTable(capacity: entries)
        tools = MomentTable(capacity: entries)
        refusals = MomentTable(capacity: entries)
        verified = MomentTable(capacity: entries)
    }
}

/// The turns of one tool that a request needs.
struct ToolTurns {
    let key: HashedKey
    let rate: Rate
    var turns: Int
}

/// Why a request has no turn.
struct RateRefusal: Error {
    let reason: AccessReason
    /// Nanoseconds until there would be one.
    let wait: Int
}

/// Counts one request.
public struct RateMeter: Sendable {
    private let tables: RateTables
    /// The address that it came from, nil if that is not told apart.
    private let address: HashedKey?
    private let now: Int

    /// Makes the meter of a request.
    ///
    /// - Parameters:
    ///   - tables: The buckets.
    ///   - address: The address that the request came from, nil if it is not told apart from others.
    ///   - now: Nanoseconds of a clock that does not go back.
    public init(tables: RateTables, address: HashedKey?, now: Int) {
        self.tables = tables
        self.address = address
        self.now = now
    }

    // MARK: - After authentication

    /// Takes a turn of the principal, of its client and of each tool, or none at all. Others may find a turn missing for
    /// the moment between taking and giving back.
    func take(of principal: Principal, _ tools: [ToolTurns], by rates: RateLimits) throws(RateRefusal) {
        if let wait = take(1, of: principal.key, in: tables.principals, by: rates.principal) {
            throw RateRefusal(reason: .ratePrincipal, wait: wait)
        }
        if let wait = take(1, of: principal.clientKey, in: tables.clients, by: rates.client) {
            giveBack(1, of: principal.key, in: tables.principals, by: rates.principal)
            throw RateRefusal(reason: .rateClient, wait: wait)
        }
        for (index, tool) in tools.enumerated() {
            guard let wait = take(tool.turns, of: tool.key, in: tables.tools, by: tool.rate) else { continue }
            for taken in tools[..<index] {
                giveBack(taken.turns, of: taken.key, in: tables.tools, by: taken.rate)
            }
            giveBack(1, of: principal.clientKey, in: tables.clients, by: rates.client)
            giveBack(1, of: principal.key, in: tables.principals, by: rates.principal)
            throw RateRefusal(reason: .rateTool, wait: wait)
        }
    }

    private func take(_ turns: Int, of key: HashedKey, in table: MomentTable, by rate: Rate?) -> Int? {
        guard let rate else { return nil }
        return table.withMoment(of: key) { rate.take(turns, from: &$0, now: now) }
    }

    private func giveBack(_ turns: Int, of key: HashedKey, in table: MomentTable, by rate: Rate?) {
        guard let rate else { return }
        table.withMoment(of: key) { rate.giveBack(turns, to: &$0) }
    }

    // MARK: - Before it

    /// Whether a token that this worker does not remember may be looked at: its address has not been refused too often,
    /// or another worker has verified it.
    func allowToken(_ digest: Digest256, by rates: RateLimits) throws(RateRefusal) {
        guard let address, let rate = rates.refusals,
            let wait = rate.wait(tables.refusals.moment(of: address), now: now),
            tables.verified.moment(of: HashedKey(digest)) <= now
        else { return }
        tables.refusals.withMoment(of: address) { rate.bound(&$0, now: now) }
        throw RateRefusal(reason: .rateRefusals, wait: wait)
    }

    /// Notes that a token was verified, which ends in so many seconds.
    func noteVerified(_ digest: Digest256, seconds: Int64, by rates: RateLimits) {
        guard rates.refusals != nil else { return }
        let end = now + Int(min(max(seconds, 0), 86_400)) * 1_000_000_000
        tables.verified.withMoment(of: HashedKey(digest)) { $0 = end }
    }

    /// Counts an answer if it refuses the request.
    func count(_ stop: Stop, by rates: RateLimits) {
        guard let address, let rate = rates.refusals, case .respond(let response) = stop,
            response.status == 401 || response.status == 403
        else { return }
        _ = tables.refusals.withMoment(of: address) { rate.take(from: &$0, now: now) }
    }
}

extension HashedKey {
    fileprivate init(_ digest: Digest256) {
        var hasher = Hasher()
        hasher.combine(digest)
        number = UInt64(bitPattern: Int64(hasher.finalize()))
    }
}
