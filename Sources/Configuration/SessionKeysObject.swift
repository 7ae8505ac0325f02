// The keys of session ids as they are written.

internal import JSON
internal import MCP

extension SessionKeys {
    /// How to make a key.
    static let advice = "Make one with \"openssl rand -base64 48\""

    /// Reads a list of secrets, the one that seals first; nil if anything of it was reported.
    init?(_ node: Node, _ surroundings: ConfigurationSurroundings) {
        let what = "a list of secrets such as [{\"file\": \"sessions.key\"}]"
        let remedy = "Name a secret, or remove the list: then each process has a key of its own."
        guard let elements = node.nonEmptyElements(what, because: remedy) else { return nil }
        var secrets: [[UInt8]] = []
        for element in elements {
            guard let secret = Self.secret(element, surroundings) else { continue }
            if let index = secrets.firstIndex(of: secret) {
                element.error("This is the same key as \(index + 1) of the list.", "Keep one of them.")
            }
            secrets.append(secret)
        }
        guard secrets.count == elements.count else { return nil }
        do throws(SessionKeyError) {
            try self.init(secrets: secrets)
        } catch {
            node.error(error.sentence, "Keep the newest: sessions that the others sealed end.")
            return nil
        }
    }

    private static func secret(_ node: Node, _ surroundings: ConfigurationSurroundings) -> [UInt8]? {
        guard let source = node.secret() else { return nil }
        do throws(SecretProblem) {
            let secret = try surroundings.line(of: source)
            guard secret.count < minimumLength else { return secret }
            node.error(
                "The session key has \(secret.count) bytes, and needs at least \(minimumLength).",
                "\(advice)."
            )
        } catch {
            node.error(error.problem, error.remedy)
        }
        return nil
    }
}
