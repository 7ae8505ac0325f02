// What to change, and where, so that a refused token passes: one table over the reasons.

internal import JOSE

/// One thing to change.
public struct Remedy: Equatable, Sendable {
    /// Where to change something.
    public enum Place: String, Sendable, CaseIterable {
        /// The program that got and sent the token.
        case client
        /// The authorization server that issued it.
        case authorizationServer = "authorization server"
        /// The configuration of this gateway.
        case configuration = "gateway.json"
    }

    /// Where.
    public let place: Place
    /// What, in a sentence.
    public let sentence: String

    static func client(_ sentence: String) -> Remedy { Remedy(place: .client, sentence: sentence) }

    static func server(_ sentence: String) -> Remedy {
        Remedy(place: .authorizationServer, sentence: sentence)
    }

    static func configuration(_ sentence: String) -> Remedy {
        Remedy(place: .configuration, sentence: sentence)
    }
}

extension CheckFacts {
    /// What to change where a check refuses for `reason`.
    ///
    /// - Parameters:
    ///   - reason: The reason.
    ///   - name: The header parameter, claim or scopes that the reason is about.
    func remedies(for reason: Reason, _ name: String?) -> [Remedy] {
        switch reason {
        case .access(let reason): remedies(for: reason, name ?? "")
        case .token(let reason): remedies(for: reason, name ?? "")
        case .message, .envelope, .protocolRule, .session, .failure: []
        }
    }

    private func remedies(for reason: AccessReason, _ name: String) -> [Remedy] {
        let resource = route.resource.text
        let ask = Remedy.client("Ask for a token with resource=\(resource), and send it to no other server.")
        switch reason {
        case .noCredentials: return [.client("Send a token: there is none.")]
        case .multipleCredentials:
            return [.client("Send one token, without blanks, commas and the word Bearer in it.")]
        case .issuerUnknown:
            return [
                .client("Get a token from \(accepted.joined(separator: " or "))."),
                .configuration(
                    "If the issuer is to be trusted here, add it to \"issuers\" with exactly this iss, "
                        + "and name it in the route's \"issuer\"."
                ),
            ]
        case .keysUnavailable:
            return [
                .server("Let it serve its keys where the gateway looks for them."),
                .configuration("See that \(member("keys")) says where the keys are."),
            ]
        case .audienceOtherRoute: return [ask]
        case .audienceMismatch:
            return [
                ask, .server("Put the requested resource into aud as it was asked for (RFC 8707)."),
                .configuration(
                    "Only if it cannot: list the value in the route's \"audience_aliases\", if it means this server alone."
                ),
            ]
        case .audienceNearMiss:
            return [
                .client(
                    "Ask for resource=\(resource), spelled as the route's metadata document has it."
                ), .server("Copy the requested resource into aud byte for byte."),
                .configuration("Only if it cannot: list the spelling in the route's \"audience_aliases\"."),
            ]
        case .audienceNotExclusive:
            return [
                .client("Ask for one resource for each token: resource=\(resource)."),
                .server("Put no other resource into aud."),
                .configuration(
                    "If the server adds an audience of its own to every token, list that in "
                        + "\(member("other_audiences"))."
                ),
            ]
        case .senderConstrained:
            return [.client("Ask for a bearer token without a key: bound tokens are not yet supported.")]
        case .insufficientScope:
            return [
                .client("Ask for a token with scope=\"\(name)\" besides."),
                .server("Let this client and user have these scopes."),
                .configuration("Change the route's \"scopes\" if requests need less."),
            ]
        default: return []
        }
    }

    private func remedies(for reason: TokenRefusal.Reason, _ name: String) -> [Remedy] {
        let name = ClaimText.printable(name, maximumLength: 64)
        let clocks = Remedy.server("Set the clocks right, there and on the gateway's machine.")
        switch reason {
        case .tokenTooLarge: return [.server("Put less into access tokens.")]
        case .tokenEncrypted: return [.server("Issue signed access tokens that are not encrypted.")]
        case .tokenMalformed:
            return [
                .client("Send the access token whole and unchanged."),
                .server("Issue access tokens as signed JWTs (RFC 9068): opaque ones cannot be checked here."),
            ]
        case .headerInvalid: return [.server("Give the token's header a proper \"\(name)\".")]
        case .headerNotAllowed: return [.server("Leave \"\(name)\" out of the token's header.")]
        case .criticalHeader: return [.server("Leave \"crit\" out of the token's header.")]
        case .typeNotAllowed:
            return [
                .client("Send the access token, not an ID token or another one."),
                .server("Set typ to at+jwt (RFC 9068)."),
                .configuration("If typ is JWT or absent: set \(member("token_type")) to \"any\"."),
            ]
        case .notAccessToken:
            return [
                .client("Send the access token, not an ID token or another one."),
                .server(
                    name.isEmpty
                        ? "Put client_id or scope into access tokens." : "Leave \(name) out of access tokens."
                ),
            ]
        case .issuerMismatch: return [.configuration("Write \(member("issuer")) exactly as iss is.")]
        case .algorithmNotAllowed:
            return [
                .server("Sign access tokens with one of the accepted algorithms."),
                .configuration("Add the algorithm to \(member("algorithms")), if it is an asymmetric one."),
            ]
        case .unknownKey, .algorithmKeyMismatch, .ambiguousKey, .signatureInvalid:
            return remedies(key: reason)
        case .claimMissing: return [.server("Put \(name) into access tokens.")]
        case .claimInvalid:
            return [.server("Give \(name) the type and form that RFC 7519 and RFC 9068 ask for.")]
        case .expired: return [.client("Get a new token."), clocks]
        case .notYetValid, .issuedInFuture:
            return [clocks, .configuration("Raise \(member("clock_skew")) if clocks differ.")]
        case .lifetimeTooLong:
            return [
                .server("Issue tokens that live shorter."),
                .configuration("Raise \(member("max_token_lifetime")) if they may live longer."),
            ]
        }
    }

    private func remedies(key reason: TokenRefusal.Reason) -> [Remedy] {
        let source = issuer.map(keySource) ?? "the key set"
        switch reason {
        case .unknownKey:
            return [
                .client("Get a new token: the key of this one may be gone."),
                .server("Publish the key in \(source)."),
                .configuration("See that \(member("keys")) names the keys of this very server."),
            ]
        case .algorithmKeyMismatch: return [.server("Sign with the algorithm that the published key is for.")]
        case .ambiguousKey: return [.server("Put kid into the token's header: several keys fit.")]
        default:
            return [
                .client("Send the token unchanged."),
                .server("Publish the very key that signs, under a kid of its own, in \(source)."),
            ]
        }
    }

    /// Pointer to a member of the issuer's configuration.
    private func member(_ name: String) -> String {
        "issuers.\(issuer?.name ?? "NAME").\(name)"
    }
}
