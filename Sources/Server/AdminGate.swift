// Who may ask at the admin listener: the right host, no other page, and the token where there is one.

internal import Bytes
internal import Configuration
internal import HTTP
internal import OpenSSL
internal import Policy
internal import Transport

/// The checks of a request to the admin listener, in order.
struct AdminGate {
    private let settings: AdminSettings

    /// Checks by `settings`.
    init(_ settings: AdminSettings) {
        self.settings = settings
    }

    /// Why a request is refused, nil if it is not.
    ///
    /// - Parameters:
    ///   - request: Its head.
    ///   - mayBeLinked: Whether a link of another site may lead a person there.
    func refusal(of request: borrowing RequestHead, mayBeLinked: Bool) -> LocalResponse? {
        // A name that leads here and is none of ours: a page of that name would read the answers (DNS rebinding).
        guard isForOwnHost(request) else { return LocalResponse(refusing: .access(.hostUnknown)) }
        if let refusal = Self.refusalOfMethod(request) { return refusal }
        guard Self.isFromSameOrigin(request) || mayBeLinked && Self.isNavigation(request) else {
            return LocalResponse(refusing: .access(.originNotAllowed))
        }
        guard isAuthorized(request) else { return Self.challenge }
        return nil
    }

    /// The refusal of a method that changes something, nil for one that reads.
    static func refusalOfMethod(_ request: borrowing RequestHead) -> LocalResponse? {
        guard request.method != .get, request.method != .head else { return nil }
        var response = LocalResponse(refusing: .access(.methodNotAllowed))
        response.add("Allow", "GET, HEAD")
        return response
    }

    private static var challenge: LocalResponse {
        var response = LocalResponse(refusing: .access(.adminUnauthorized))
        // Browsers ask a person for the first; programs know the second.
        response.add("WWW-Authenticate", "Basic realm=\"audgate\", charset=\"UTF-8\"")
        response.add("WWW-Authenticate", "Bearer realm=\"audgate\"")
        return response
    }

    // MARK: - The host

    private func isForOwnHost(_ request: borrowing RequestHead) -> Bool {
        let authority = request.text(request.authority).lowercased()
        let end = Authority.hostEnd(of: authority.octets.span)
        let host = String(Substring(authority.utf8.prefix(end)))
        guard !settings.hosts.contains(host) else { return true }
        // There are many ways to write one address.
        guard let address = SocketAddress(host: host, port: 0) else { return false }
        return settings.answersForAnyAddress || settings.hosts.contains(address.uriHost)
    }

    // MARK: - The page

    /// Whether no page of another origin has made the request. Programs say nothing of it.
    private static func isFromSameOrigin(_ request: borrowing RequestHead) -> Bool {
        switch value(of: "sec-fetch-site", in: request) {
        case nil, "same-origin", "none": break
        default: return false
        }
        guard let field = request.fields.first(.origin) else { return true }
        let origin = request.text(field).lowercased()
        let authority = request.text(request.authority).lowercased()
        return request.fields.count(of: .origin) == 1
            && (origin == "http://" + authority || origin == "https://" + authority)
    }

    /// Whether a person has followed a link: the page of another site learns nothing of what it shows.
    private static func isNavigation(_ request: borrowing RequestHead) -> Bool {
        value(of: "sec-fetch-mode", in: request) == "navigate"
            && value(of: "sec-fetch-dest", in: request) == "document" && request.fields.first(.origin) == nil
    }

    /// The value of a field that has no name of its own; of several that are alike, all of them.
    private static func value(of name: StaticString, in request: borrowing RequestHead) -> String? {
        var values: [String] = []
        for line in request.fields.lines {
            guard request.bytes.span.extracting(line.nameRange).equalsIgnoringCase(name) else { continue }
            values.append(request.text(line.valueRange))
        }
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }

    // MARK: - The token

    private func isAuthorized(_ request: borrowing RequestHead) -> Bool {
        guard let expected = settings.tokenDigest else { return true }
        guard request.fields.count(of: .authorization) == 1,
            let token = Self.token(request.text(request.value(.authorization)))
        else { return false }
        // Digests are compared in constant time, and tell nothing of the token if they were not.
        return SHA256.digest(of: token.span) == expected
    }

    /// What `Authorization` presents: a bearer token (RFC 6750 §2.1), or the password of any user (RFC 7617).
    private static func token(_ authorization: String) -> [UInt8]? {
        let scheme = authorization.prefix { $0 != " " }
        let value = authorization.dropFirst(scheme.count).drop { $0 == " " }
        switch scheme.lowercased() {
        case "bearer": return Array(value.utf8)
        case "basic":
            guard let credentials = Base64.decode(value),
                let colon = credentials.firstIndex(of: UInt8(ascii: ":"))
            else { return nil }
            return Array(credentials[(colon + 1)...])
        default: return nil
        }
    }
}
