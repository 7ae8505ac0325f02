// An issuer as it is written.

internal import HTTP
internal import JOSE
internal import JSON
internal import Policy

/// Members of an issuer.
enum IssuerMember: String, MemberName {
    case issuer, keys, algorithms
    case tokenType = "token_type"
    case clockSkew = "clock_skew"
    case maximumTokenLifetime = "max_token_lifetime"
    case otherAudiences = "other_audiences"
    case keyMaximumAge = "key_maximum_age"
    case tls

    static let object = "an issuer"
}

/// Members of the keys of an issuer.
enum KeysMember: String, MemberName {
    case uri, file

    static let object = "a key source"
}

/// How `token_type` is written.
private enum TokenTypeName: String, CaseIterable {
    case accessToken = "at+jwt"
    case any
}

/// An issuer as it is written, before the whole set is known.
struct IssuerObject {
    let node: Node
    let name: String
    let issuer: Located<HTTPURL>?
    let otherAudiences: [Located<String>]
    private let keySource: KeySource?
    private let algorithms: Set<SignatureAlgorithm>?
    private let tokenType: TokenType
    private let clockSkew: Int
    private let maximumLifetime: Int?
    private let keyMaximumAge: Int
    private let tls: ClientTLSObject?
    private let needsTLS: Bool

    /// Seconds that clocks may differ unless something else is said.
    static let defaultClockSkew = 30
    /// Seconds that keys are used while their source is down unless something else is said.
    static let defaultKeyMaximumAge = 24 * 3600

    private static let day = 86_400_000

    /// Reads the issuer called `name`; nil if it is no object.
    init?(_ node: Node, name: String, _ material: TLSMaterial) {
        guard let members = ObjectReader(node, of: IssuerMember.self) else { return nil }
        self.node = node
        self.name = name
        issuer = members.required(.issuer).flatMap { node in
            Self.issuer(node).map { Located(value: $0, node: node) }
        }
        keySource = Self.keySource(members[.keys])
        algorithms = members[.algorithms].map(Self.algorithms) ?? TokenRules.defaultAlgorithms
        tokenType = members[.tokenType]?.choice(TokenTypeName.self) == .accessToken ? .accessToken : .any
        let skewBounds = 0...Int(TokenRules.maximumClockSkew) * 1000
        clockSkew = members[.clockSkew]?.seconds(in: skewBounds) ?? Self.defaultClockSkew
        maximumLifetime = members[.maximumTokenLifetime]?.seconds(in: 1000...365 * Self.day)
        otherAudiences = members[.otherAudiences]?.audiences() ?? []
        keyMaximumAge =
            members[.keyMaximumAge]?.seconds(in: 300_000...7 * Self.day) ?? Self.defaultKeyMaximumAge
        needsTLS = Self.needsTLS(keySource, of: issuer, members[.tls])
        tls = Self.tls(members, keySource, isNeeded: needsTLS, material)
        guard members[.maximumTokenLifetime] == nil else { return }
        node.warning(
            "The issuer \"\(name)\" has no \"max_token_lifetime\": a leaked token is good for as long as it says.",
            "Set it, to \"1h\" for example."
        )
    }

    /// The issuer, nil if something of it was reported.
    var result: Issuer? {
        guard let issuer, let keySource, let algorithms, needsTLS == (tls != nil) else { return nil }
        let rules = TokenRules(
            issuer: issuer.value.text,
            algorithms: algorithms,
            tokenType: tokenType,
            clockSkew: Int64(clockSkew),
            maximumLifetime: maximumLifetime.map { Int64($0) }
        )
        return Issuer(
            name: name,
            rules: rules,
            keySource: keySource,
            keyMaximumAge: keyMaximumAge,
            otherAudiences: Set(otherAudiences.map(\.value)),
            tls: tls?.context,
            serverName: tls?.serverName
        )
    }

    private static func issuer(_ node: Node) -> HTTPURL? {
        guard let url = node.url("the exact \"iss\" of its tokens, an https URL without query and fragment")
        else {
            return nil
        }
        guard url.isSecure || url.isLoopback else {
            node.error("An http issuer must be on a loopback host.", "Use https.")
            return nil
        }
        return url
    }

    private static func algorithms(_ node: Node) -> Set<SignatureAlgorithm>? {
        let what = "a list of algorithms such as [\"RS256\", \"ES256\"]"
        let elements = node.nonEmptyElements(what, because: "Name the algorithms that the issuer signs with.")
        guard let elements else { return nil }
        var algorithms: Set<SignatureAlgorithm> = []
        for name in Node.distinct(elements) {
            if let algorithm = SignatureAlgorithm(rawValue: name.value) {
                algorithms.insert(algorithm)
            } else {
                refuse(algorithm: name)
            }
        }
        return algorithms
    }

    private static func refuse(algorithm name: Located<String>) {
        let lower = name.value.lowercased()
        if lower == "none" {
            name.node.error("The algorithm \"none\" is no signature: anyone could make tokens.", "Remove it.")
        } else if ["hs256", "hs384", "hs512"].contains(lower) {
            name.node.error(
                "\(name.value) is symmetric: whoever can check a token could make one.",
                "Let the issuer sign with an asymmetric algorithm such as ES256."
            )
        } else {
            let known = SignatureAlgorithm.allCases.map(\.rawValue)
            name.node.error(
                "The algorithm \"\(name.value)\" is unknown.",
                Suggestion.sentence(for: name.value, among: known)
                    ?? "Known: \(known.joined(separator: ", "))."
            )
        }
    }

    /// Reads `keys`; absent means `"discover"`.
    private static func keySource(_ node: Node?) -> KeySource? {
        guard let node, node.value.object != nil else {
            if let node, node.value.string != "discover" {
                node.expected("\"discover\", {\"uri\": …} or {\"file\": …}")
                return nil
            }
            return .discover
        }
        guard let members = ObjectReader(node, of: KeysMember.self) else { return nil }
        switch (members[.uri], members[.file]) {
        case (let uri?, nil): return keyAddress(uri).map { .uri($0) }
        case (nil, let file?): return file.filePath().map { .file($0) }
        default:
            node.error("A key source is either a \"uri\" or a \"file\".", "Name exactly one of them.")
            return nil
        }
    }

    private static func keyAddress(_ node: Node) -> String? {
        guard let url = node.url("the URL of a key set", allowsQuery: true) else { return nil }
        guard url.isSecure || url.isLoopback else {
            node.error(
                "Keys fetched by http from another machine could be exchanged on the way.",
                "Use https, a file, or http on loopback."
            )
            return nil
        }
        return url.text
    }

    /// Whether keys may be fetched by https. Settings of an http issuer are for keys that its metadata names.
    private static func needsTLS(_ source: KeySource?, of issuer: Located<HTTPURL>?, _ tls: Node?) -> Bool {
        switch source {
        case .discover: tls != nil || issuer?.value.isSecure ?? false
        case .uri(let uri): uri.hasPrefix("https:")
        case .file, nil: false
        }
    }

    private static func tls(
        _ members: ObjectReader<IssuerMember>,
        _ source: KeySource?,
        isNeeded: Bool,
        _ material: TLSMaterial
    ) -> ClientTLSObject? {
        guard let node = members[.tls] else {
            guard isNeeded else { return nil }
            let place = members[.keys] ?? members[.issuer] ?? members.node
            return ClientTLSObject(defaultsFor: place, offersHTTP2: false, material)
        }
        if !isNeeded, source != nil {
            node.errorAtName(
                "There is nothing to secure: no key is fetched by https.",
                "Name an https source of keys, or remove \"tls\"."
            )
        }
        // Where the keys are that metadata names is not known here.
        var isOnLoopback = false
        if case .uri(let uri) = source, let url = try? HTTPURL(uri, allowsQuery: true) {
            isOnLoopback = url.isLoopback
        }
        return ClientTLSObject(node, isOnLoopback: isOnLoopback, offersHTTP2: false, material)
    }

    /// Reports issuers with the same name, which only several files can hold, or the same `iss`.
    static func check(_ issuers: [IssuerObject]) {
        var byName: [String: Node] = [:]
        var byIssuer: [String: Node] = [:]
        for object in issuers {
            if let other = byName.updateValue(object.node, forKey: object.name) {
                object.node.errorAtName(
                    "The name \"\(object.name)\" is taken by the issuer at \(other.line).",
                    "Give each issuer its own name."
                )
            }
            guard let issuer = object.issuer else { continue }
            if let other = byIssuer.updateValue(issuer.node, forKey: issuer.value.text) {
                issuer.node.error(
                    "The issuer at \(other.line) has the same \"iss\".",
                    "Keep one of them: a token must have one set of rules."
                )
            }
        }
    }
}
