// The engine of `audgate verify-jws`: is this signature good under these keys, and if not, why?

internal import Bytes
internal import JSON

/// Answers one question about a signature, by the code that judges tokens.
public enum JWSDiagnosis {
    /// Longest line in bytes: a key set and a token of the longest kind, with room to spare.
    public static let maximumLineLength = 2 * KeySet.maximumLength

    /// Answers `{"id": …, "jwks": {"keys": […]}, "jws": "…"}`.
    ///
    /// Form, key choice, algorithm and signature are judged, every known algorithm being allowed; the payload is
    /// not looked at.
    ///
    /// - Parameter line: One JSON text of at most `maximumLineLength` bytes.
    /// - Returns: `{"id": …, "result": "valid"}`, or `"invalid"` with a `reason` and, where that may help, the
    ///   `skipped_keys` of the set; without a line feed.
    public static func answer(line: Span<UInt8>) -> String {
        let isBounded = line.count <= maximumLineLength
        let question = isBounded ? (try? JSONReader.read(line))?.object : nil
        let verdict = judge(question)
        var writer = JSONWriter()
        writer.object { writer in
            writer.name("id")
            if let id = question?["id"] { writer.value(id) } else { writer.null() }
            writer.member("result", verdict.reason == nil ? "valid" : "invalid")
            if let reason = verdict.reason { writer.member("reason", reason) }
            if verdict.reason != nil, !verdict.skipped.isEmpty { writer.member(verdict.skipped) }
        }
        let text = writer.finish()
        return String(lossy: text.span)
    }

    /// What is wrong, nil if nothing is; and the keys that could not be used.
    private struct Verdict {
        var reason: String?
        var skipped: [SkippedKey] = []
    }

    private static func judge(_ question: JSONObject?) -> Verdict {
        guard let text = question?["jws"]?.string, let set = question?["jwks"] else {
            return Verdict(reason: "input_malformed")
        }
        let jws: CompactJWS
        do { jws = try CompactJWS(text.octets.span) } catch { return Verdict(reason: error.code) }
        do throws(KeySetError) {
            let keys = try KeySet(set)
            return Verdict(reason: refusal(of: jws, under: keys)?.code, skipped: keys.skipped)
        } catch {
            return Verdict(reason: error.code, skipped: error.skipped)
        }
    }

    private static func refusal(of jws: CompactJWS, under keys: KeySet) -> TokenRefusal? {
        do throws(TokenRefusal) {
            let algorithm = try jws.header.algorithm(among: Set(SignatureAlgorithm.allCases))
            let key = try keys.key(for: jws.header, algorithm: algorithm)
            return key.verifies(jws, by: algorithm) ? nil : TokenRefusal(.signatureInvalid)
        } catch {
            return error
        }
    }
}

extension JSONWriter {
    fileprivate mutating func member(_ skipped: [SkippedKey]) {
        name("skipped_keys")
        array { writer in
            for key in skipped {
                writer.object { writer in
                    writer.member("index", key.index)
                    if let keyID = key.keyID { writer.member("kid", keyID) }
                    writer.member("reason", key.refusal.reason.rawValue)
                }
            }
        }
    }
}
