// `audgate verify-jws`: judges signatures, one JSON line in, one JSON line out.

internal import ArgumentParser
internal import JOSE

/// Answers questions about signatures.
struct VerifyJWS: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify-jws",
        abstract: "Judge signatures by the code that judges tokens: JSON lines in, JSON lines out.",
        discussion: """
            Each line of standard input is {"id": …, "jwks": {"keys": […]}, "jws": "…"}. The answer to it is one line:
            {"id": …, "result": "valid"}, or {"id": …, "result": "invalid", "reason": "…"} with the skipped_keys of \
            the set where there are any.

            Looked at are the form of the JWS, the choice of the key, the algorithm (all that audgate knows are allowed) and \
            the signature; claims are not. Empty lines are passed over. A line of more than \
            \(JWSDiagnosis.maximumLineLength) bytes is answered with input_malformed.

            Example:
              echo '{"id": 1, "jwks": {"keys": []}, "jws": "e30.e30.AA"}' | audgate verify-jws

            Exit code: 0, whatever the answers are.
            """
    )

    func run() {
        var input = StandardInput()
        // One byte more than is allowed: the diagnosis refuses what was cut off there.
        while let line = input.line(maximumLength: JWSDiagnosis.maximumLineLength + 1) {
            guard !line.isEmpty else { continue }
            Terminal.print(JWSDiagnosis.answer(line: line.span))
        }
    }
}
