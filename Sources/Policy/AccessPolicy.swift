// May this request pass? Every check that stands between a client and a server, in order, in one list.

public import HTTP
internal import JOSE
public import MCP
public import Bytes

/// The proof that a request passed every check. Only `AccessPolicy` makes one, and sending a request consumes it.
public struct ForwardPermit: ~Copyable, Sendable {
    /// The route that the request passed.
    public let route: RouteID
    /// Who sent it.
    public let principal: Principal
    /// The part of the request's path behind the route's own.
    public let subpath: ByteRange
    /// The browser origin that may read the answer, nil if no browser asked.
    public let origin: String?
    /// The era of MCP that the request belongs to.
    public let era: Era
    /// The session that it belongs to, nil if it names none.
    public let session: SessionPlace?
    /// The request target at a 2024-11-05 server that the client was told of, nil for the upstream's own path.
    public let target: [UInt8]?
    /// What it is for.
    public let purpose: RequestPurpose

    fileprivate init(
        _ clearance: consuming HeadClearance,
        era: Era,
        session: SessionPlace?,
        target: [UInt8]? = nil,
        purpose: RequestPurpose
    ) {
        route = clearance.route
        principal = clearance.principal
        subpath = clearance.subpath
        origin = clearance.origin
        self.era = era
        self.session = session
        self.target = target
        self.purpose = purpose
    }
}

/// The proof that the head of a request passed its checks. Only `AccessPolicy` makes one, and the decision on the body
/// consumes it.
public struct HeadClearance: ~Copyable, Sendable {
    /// The route that the request is for.
    public let route: RouteID
    /// Who sent it.
    public let principal: Principal
    fileprivate let subpath: ByteRange
    /// The browser origin that may read the answer, nil if no browser asked.
    public let origin: String?

    fileprivate init(route: RouteID, principal: Principal, subpath: ByteRange, origin: String?) {
        self.route = route
        self.principal = principal
        self.subpath = subpath
        self.origin = origin
    }
}

/// The decision on one request: a pure function of the configuration, the request, the keys and the time.
public enum AccessPolicy {
    /// Decides on the head of `request`.
    ///
    /// - Parameters:
    ///   - request: The head; nothing of the body is looked at.
    ///   - scene: Listener and time.
    ///   - snapshot: The configuration.
    ///   - keys: The keys of the issuers.
    ///   - tokens: Remembers verified tokens; changes how long a decision takes, never what it is, unless the address of
    ///     the request was refused too often.
    ///   - sessions: Knows whose the plain session ids are.
    ///   - meter: Counts the request.
    /// - Returns: The decision.
    public static func decide(
        _ request: borrowing RequestHead,
        scene: RequestScene,
        snapshot: Snapshot,
        keys: KeyRing,
        tokens: inout TokenCache,
        sessions: SessionTable,
        meter: RateMeter
    ) -> Decision {
        var progress = Progress()
        do throws(Stop) {
            // The order is that of the processing steps 2 to 11; step 1 is the parser's.
            try OwnPaths.answerHealth(request, scene)
            let authority = try knownAuthority(request, snapshot)
            try OwnPaths.answerWellKnown(request, authority, snapshot)
            try answerWithoutPath(request)
            let match = try matchedRoute(request, authority, snapshot)
            progress.route = match.route
            let route = snapshot.route(match.route)
            progress.origin = try allowedOrigin(request, route)
            progress.judgedRoute = route
            try answerOptions(request)
            try checkMethod(request)
            let credentials = try credentials(request, route)
            let (issuer, principal) = try verifiedToken(
                credentials,
                request,
                route,
                scene,
                snapshot,
                keys,
                &tokens,
                meter
            )
            progress.principal = principal
            let token = principal.token
            try checkAudience(token, route, snapshot.issuer(issuer), snapshot)
            try checkSenderConstraint(token, route)
            try checkScopes(token, route, snapshot)
            try checkContent(request, snapshot)
            let clearance = HeadClearance(
                route: match.route,
                principal: principal,
                subpath: ByteRange(request.target.path.start + match.pathLength, request.target.path.end),
                origin: progress.origin
            )
            if request.method == .post { return .awaitBody(clearance) }
            try checkRevision(ofBodiless: request)
            let session = try session(of: request, route, principal, snapshot, sessions)
            try checkRates(principal, meter, snapshot)
            let purpose = request.method == .get ? RequestPurpose.listening : .ordinary
            return .forward(ForwardPermit(clearance, era: .legacy, session: session, purpose: purpose))
        } catch {
            meter.count(error, by: snapshot.limits.rates)
            return progress.decision(for: error)
        }
    }

    /// Decides on the body of a request whose head has passed.
    ///
    /// - Parameters:
    ///   - clearance: What the head has won.
    ///   - request: The head.
    ///   - body: The whole body.
    ///   - envelope: Memory for what is read of the body; holds it afterwards.
    ///   - snapshot: The configuration.
    ///   - sessions: Knows whose the plain session ids are.
    ///   - meter: Counts the request.
    /// - Returns: `forward` or `respond`.
    public static func decide(
        _ clearance: consuming HeadClearance,
        on request: borrowing RequestHead,
        body: borrowing Span<UInt8>,
        envelope: inout Envelope,
        snapshot: Snapshot,
        sessions: SessionTable,
        meter: RateMeter
    ) -> Decision {
        let route = snapshot.route(clearance.route)
        let principal = clearance.principal
        let progress = Progress(
            route: clearance.route,
            origin: clearance.origin,
            judgedRoute: route,
            principal: principal
        )
        do throws(Stop) {
            // The order is that of the processing steps 12 to 15.
            try read(body, &envelope)
            let era = try era(of: envelope, body, request)
            let session = try session(
                of: request,
                era,
                envelope,
                body,
                route,
                principal,
                snapshot,
                sessions
            )
            try checkOperations(envelope, body, route, principal, snapshot)
            try checkRates(envelope, body, route, principal, meter, snapshot)
            return .forward(
                ForwardPermit(
                    clearance,
                    era: era,
                    session: session.place,
                    target: session.target,
                    purpose: RequestPurpose(of: envelope, in: body)
                )
            )
        } catch {
            meter.count(error, by: snapshot.limits.rates)
            return progress.decision(for: error)
        }
    }

    /// The methods of a route, as `Allow` names them.
    static let allow = "GET, POST, DELETE, OPTIONS"

    // Step 2
    private static func knownAuthority(
        _ request: borrowing RequestHead,
        _ snapshot: Snapshot
    ) throws(Stop) -> Int {
        let authority = request.bytes.span.extracting(request.authority)
        guard let known = snapshot.table.authority(authority) else { throw .refuse(.hostUnknown) }
        return known
    }

    /// Answers the two forms of a target that have no path: that of CONNECT, and the asterisk of OPTIONS.
    private static func answerWithoutPath(_ request: borrowing RequestHead) throws(Stop) {
        guard request.target.path.isEmpty else { return }
        guard request.method == .options else { throw .methodNotAllowed(allow) }
        throw .respond(LocalResponse(status: 204, reason: .access(.options), fields: [.init("Allow", allow)]))
    }

    // Step 4
    private static func matchedRoute(
        _ request: borrowing RequestHead,
        _ authority: Int,
        _ snapshot: Snapshot
    ) throws(Stop) -> RouteTable.Match {
        let path = request.bytes.span.extracting(request.target.path)
        guard let match = snapshot.table.match(authority: authority, path: path) else {
            throw .refuse(.routeUnknown)
        }
        return match
    }

    // Step 5: before any token work, so that an evil page learns nothing
    private static func allowedOrigin(
        _ request: borrowing RequestHead,
        _ route: Route
    ) throws(Stop) -> String? {
        switch OriginRule.verdict(request, at: route) {
        case .absent: return nil
        case .allowed(let origin): return origin
        case .refused: throw .refuse(.originNotAllowed)
        }
    }

    private static func answerOptions(_ request: borrowing RequestHead) throws(Stop) {
        guard request.method == .options else { return }
        let isPreflight =
            request.fields.first(.origin) != nil && request.fields.first(.accessControlRequestMethod) != nil
        guard !isPreflight else { throw .respond(OriginRule.preflight(request, allow: allow)) }
        throw .respond(LocalResponse(status: 204, reason: .access(.options), fields: [.init("Allow", allow)]))
    }

    // Step 6
    private static func checkMethod(_ request: borrowing RequestHead) throws(Stop) {
        switch request.method {
        case .get, .post, .delete: return
        case .head, .options, .connect, .trace, .other: throw .methodNotAllowed(allow)
        }
    }

    // Step 7
    private static func credentials(
        _ request: borrowing RequestHead,
        _ route: Route
    ) throws(Stop) -> ByteRange {
        switch BearerCredentials(request) {
        case .token(let range): return range
        case .none(let reason):
            throw .challenge(.access(reason), route, scopes: route.scopes)
        }
    }

    // Step 8: signature, type, issuer and time
    private static func verifiedToken(
        _ credentials: ByteRange,
        _ request: borrowing RequestHead,
        _ route: Route,
        _ scene: RequestScene,
        _ snapshot: Snapshot,
        _ keys: KeyRing,
        _ tokens: inout TokenCache,
        _ meter: RateMeter
    ) throws(Stop) -> (IssuerID, Principal) {
        let text = request.bytes.span.extracting(credentials)
        let digest = tokens.digest(text)
        if let known = tokens.find(digest, from: route.issuers, keys: keys, now: scene.now) { return known }
        try checkRefusals(digest, meter, snapshot)
        let presented = try read(text, route)
        let issuer = try chosenIssuer(presented, route, snapshot)
        let keySet = try usableKeys(of: issuer, keys, scene)
        do throws(TokenRefusal) {
            let rules = snapshot.issuer(issuer).rules
            let token = try TokenVerifier.verify(presented, keys: keySet, rules: rules, now: scene.now)
            meter.noteVerified(digest, seconds: token.expiry - scene.now, by: snapshot.limits.rates)
            return (issuer, tokens.insert(digest, token, keySet: keySet))
        } catch {
            if error.reason == .unknownKey {
                // The issuer may have a new key: ask once, but not more often than the hold-off allows.
                if scene.mayAwaitKeys, scene.monotonicNow >= keys[issuer].holdOffUntil {
                    throw .awaitKeys(issuer)
                }
                // Nobody knows its keys at the moment: an outage must not look like a bad token (D6).
                if keys[issuer].isSourceDown { throw .refuse(.keysUnavailable) }
            }
            throw .challenge(.token(error.reason), route, scopes: route.scopes)
        }
    }

    private static func read(_ text: Span<UInt8>, _ route: Route) throws(Stop) -> UnverifiedToken {
        do {
            return try UnverifiedToken(text)
        } catch {
            throw .challenge(.token(error.reason), route, scopes: route.scopes)
        }
    }

    private static func chosenIssuer(
        _ token: UnverifiedToken,
        _ route: Route,
        _ snapshot: Snapshot
    ) throws(Stop) -> IssuerID {
        if let issuer = IssuerRule.issuer(of: token, at: route, in: snapshot) { return issuer }
        throw .challenge(.access(.issuerUnknown), route, scopes: route.scopes)
    }

    private static func usableKeys(
        of issuer: IssuerID,
        _ keys: KeyRing,
        _ scene: RequestScene
    ) throws(Stop) -> KeySet {
        if let keySet = keys[issuer].keySet { return keySet }
        if keys[issuer].isPending, scene.mayAwaitKeys { throw .awaitKeys(issuer) }
        throw .refuse(.keysUnavailable)
    }

    // Step 8: audience = route
    private static func checkAudience(
        _ token: VerifiedToken,
        _ route: Route,
        _ issuer: Issuer,
        _ snapshot: Snapshot
    ) throws(Stop) {
        guard let refusal = AudienceRule.refusal(of: token.audiences, for: route, from: issuer) else {
            return
        }
        let diagnosis = AudienceDiagnosis(token.audiences, at: route, refusal: refusal, in: snapshot)
        throw .challenge(
            .access(diagnosis.reason),
            route,
            scopes: route.scopes,
            intendedRoute: diagnosis.intendedRoute
        )
    }

    // Step 9
    private static func checkSenderConstraint(_ token: VerifiedToken, _ route: Route) throws(Stop) {
        guard token.isSenderConstrained else { return }
        throw .challenge(.access(.senderConstrained), route, scopes: route.scopes)
    }

    // Step 10
    private static func checkScopes(
        _ token: VerifiedToken,
        _ route: Route,
        _ snapshot: Snapshot
    ) throws(Stop) {
        let missing = ScopeRule.missing(
            route.scopes,
            from: token.scopes,
            implications: snapshot.scopeImplications
        )
        guard !missing.isEmpty else { return }
        throw .challenge(.access(.insufficientScope), route, scopes: missing)
    }

    // Step 11
    private static func checkContent(
        _ request: borrowing RequestHead,
        _ snapshot: Snapshot
    ) throws(Stop) {
        if let refusal = ContentRule.refusal(of: request, limits: snapshot.limits) { throw .refuse(refusal) }
    }
}
