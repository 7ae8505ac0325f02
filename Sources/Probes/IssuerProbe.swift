// Asks an issuer what it says of itself, and for its keys, by the code that the gateway fetches them with.

internal import Bytes
internal import JOSE
internal import JSON
internal import Policy
internal import Proxy

/// One issuer with what was found about it.
struct IssuerProbe: Sendable {
    let findings: [Finding]
    /// Its keys, nil if they cannot be had.
    let keySet: KeySet?
    /// Tokens that seem to be its own.
    let forged: ForgedTokens

    /// Asks.
    ///
    /// - Parameters:
    ///   - issuer: The issuer.
    ///   - resources: The resources of the routes that trust it.
    init(_ issuer: Issuer, resources: [String]) {
        var findings: [Finding] = []
        let isDiscovered = if case .discover = issuer.keySource { true } else { false }
        var metadata: IssuerMetadata?
        do throws(FetchError) {
            let found = try IssuerMetadata.find(issuer, needsKeys: isDiscovered)
            metadata = found
            findings.append(Finding(.ok, .metadata, "\(found.address) names exactly this issuer."))
            findings += Self.promises(of: found.document, resources: resources)
        } catch {
            let effect = isDiscovered ? " So there are no keys, and every token of this issuer gets 503." : ""
            let remedy =
                "Let it answer there with metadata that names exactly this issuer: MCP clients need it, too."
            findings.append(
                Finding(isDiscovered ? .problem : .warning, .metadata, error.problem + effect, remedy)
            )
        }
        var keySet: KeySet?
        if metadata != nil || !isDiscovered {
            do throws(FetchError) {
                let source = try KeyFetch.source(of: issuer, by: metadata)
                let keys = try KeyFetch.fetch(issuer, by: metadata).keySet
                keySet = keys
                findings.append(Self.judge(keys, from: source, issuer.rules))
            } catch {
                let sentence = "\(error.problem) Without keys every token of this issuer gets 503."
                let remedy = "Let the source answer, or correct \"keys\" or \"tls\" of the issuer."
                findings.append(Finding(.problem, .keys, sentence, remedy))
            }
        }
        self.findings = findings
        self.keySet = keySet
        forged = ForgedTokens(of: issuer, keySet: keySet)
    }

    /// Judges the members of the metadata that say whether clients will get tokens for these resources.
    static func promises(of document: JSONObject, resources: [String]) -> [Finding] {
        var findings = [resourceIndicators(in: document, resources: resources)]
        if document["authorization_endpoint"] != nil {
            let methods = document["code_challenge_methods_supported"]?.strings ?? []
            findings.append(
                methods.contains("S256")
                    ? Finding(.ok, .codeChallenges, "Code challenges by S256 are supported.")
                    : Finding(
                        .warning,
                        .codeChallenges,
                        "\"code_challenge_methods_supported\" does not name S256: MCP clients refuse to go on.",
                        "Let the issuer support PKCE by S256, and say so."
                    )
            )
        }
        return findings
    }

    /// Neither RFC 8707 nor RFC 8414 has a member for it; `protected_resources` is of RFC 9728 §4, the other in use.
    private static func resourceIndicators(in document: JSONObject, resources: [String]) -> Finding {
        let remedy =
            "Let the issuer put the parameter \"resource\" (RFC 8707) of a token request into \"aud\"."
        if let listed = document["protected_resources"]?.strings {
            let missing = resources.filter { resource in !listed.contains { $0.isIdentical(to: resource) } }
            guard let first = missing.first else {
                let sentence = "\"protected_resources\" lists the resources of all routes that trust it."
                return Finding(.ok, .resourceIndicators, sentence)
            }
            let others = missing.count > 1 ? " and \(missing.count - 1) more" : ""
            return Finding(
                .warning,
                .resourceIndicators,
                "\"protected_resources\" does not list \(first)\(others).",
                "Let the issuer know the resource, so that it issues tokens for it."
            )
        }
        switch document["resource_indicators_supported"]?.bool {
        case true?: return Finding(.ok, .resourceIndicators, "Resource indicators are supported.")
        case false?:
            return Finding(.warning, .resourceIndicators, "Resource indicators are not supported.", remedy)
        case nil:
            let sentence = "The metadata does not say whether resource indicators are supported; few do."
            return Finding(.note, .resourceIndicators, sentence)
        }
    }

    /// Judges a key set by the algorithms that the issuer may sign with.
    static func judge(_ keySet: KeySet, from source: String, _ rules: TokenRules) -> Finding {
        let fitting = keySet.keys.filter { key in rules.algorithms.contains { key.fits($0) } }
        let total = keySet.keys.count + keySet.skipped.count
        guard !fitting.isEmpty else {
            let algorithms = rules.algorithms.map(\.rawValue).sorted().joined(separator: ", ")
            return Finding(
                .problem,
                .keys,
                "None of the \(total) keys at \(source) is for \(algorithms): every token is refused.",
                "Set \"algorithms\" to those that the issuer signs with."
            )
        }
        var sentence = "\(fitting.count) of \(total) keys at \(source) can be used."
        let idle = keySet.keys.count - fitting.count
        if idle > 0 { sentence += " For none of the configured algorithms: \(idle)." }
        if !keySet.skipped.isEmpty {
            let skipped = keySet.skipped.map {
                "\($0.keyID ?? "key \($0.index)") (\($0.refusal.reason.rawValue))"
            }
            sentence += " Skipped: \(skipped.joined(separator: ", "))."
        }
        // Keys for encryption stand in many sets and are nobody's fault.
        let isFlawed = keySet.skipped.contains {
            $0.refusal.reason != .notForSignatures && $0.refusal.reason != .notForVerification
        }
        guard isFlawed else { return Finding(.ok, .keys, sentence) }
        let remedy =
            "Tokens that a skipped key has signed are refused: let the issuer sign with one of the others."
        return Finding(.warning, .keys, sentence, remedy)
    }
}
