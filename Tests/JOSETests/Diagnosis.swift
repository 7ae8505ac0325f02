// Questions to the engine of `verify-jws`, and its answers taken apart.

import Bytes
import JOSE
import JSON

/// The answer to one question.
struct Diagnosis {
    let line: String
    let result: String?
    let reason: String?

    /// Asks about `jws` under `keys`, the JSON texts of JWKs.
    init(keys: [String], jws: String) {
        self.init(line: Self.question(keys: keys, jws: jws))
    }

    /// The line that asks about `jws` under `keys`.
    static func question(keys: [String], jws: String) -> String {
        "{\"id\":1,\"jwks\":{\"keys\":[" + keys.joined(separator: ",") + "]},\"jws\":\"" + jws + "\"}"
    }

    /// Asks with a line as it stands.
    init(line question: String) {
        line = JWSDiagnosis.answer(line: question.utf8Span.span)
        let answer = try? JSONReader.read(line.utf8Span.span).object
        result = answer?["result"]?.string
        reason = answer?["reason"]?.string
    }
}
