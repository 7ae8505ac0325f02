// An explanation as people and as programs read it.

internal import Bytes
internal import JSON
internal import Policy

/// What `audgate explain` prints.
struct ExplanationReport {
    private let explanation: TokenExplanation
    private let route: String
    private let answer: Answer

    /// Makes the report of `explanation` at the route with the resource `route`.
    init(_ explanation: TokenExplanation, route: String) {
        self.explanation = explanation
        self.route = route
        answer = Answer(explanation.reason)
    }

    /// For people: a table, the outcome, and what to change.
    var text: String {
        var table = TextTable(["VERDICT", "CHECK", "TOKEN", "EXPECTED"])
        for step in explanation.steps {
            table.add([
                Self.words(step.verdict.rawValue), Self.words(step.check.name), step.claim, step.expectation,
            ])
        }
        var lines = ["Route \(route)", ""] + table.lines + ["", outcome]
        for step in explanation.steps {
            guard let reason = step.reason else { continue }
            let detail = step.detail.map { ": \($0)" } ?? ""
            lines += ["", "\(Self.words(step.check.name)): \(reason.code)\(detail)"]
            var changes = TextTable(["  WHERE", "WHAT TO CHANGE"])
            for remedy in step.remedies { changes.add(["  \(remedy.place.rawValue)", remedy.sentence]) }
            if !step.remedies.isEmpty { lines += changes.lines }
        }
        return lines.joined(separator: "\n")
    }

    private var outcome: String {
        let wire = "\(answer.status) \(answer.error), reason \(explanation.reason.code)"
        if explanation.isAllowed { return "PASSES: the gateway lets this token through." }
        if explanation.reason == .access(.keysUnavailable) {
            return "CANNOT TELL: without keys the gateway answers \(wire)."
        }
        return "REFUSED: the gateway answers \(wire). \(answer.sentence)."
    }

    /// For programs: one JSON document.
    var json: String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("route", route)
            writer.name("allowed")
            writer.bool(explanation.isAllowed)
            writer.member("reason", explanation.reason.code)
            writer.member("status", answer.status)
            if !answer.error.isEmpty { writer.member("error", answer.error) }
            writer.name("checks")
            writer.array { writer in
                for step in explanation.steps { Self.write(step, to: &writer) }
            }
        }
        let text = writer.finish()
        return String(lossy: text.span)
    }

    private static func write(_ step: TokenExplanation.Step, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("check", step.check.name)
            writer.member("verdict", step.verdict.rawValue)
            writer.member("claim", step.claim)
            writer.member("expectation", step.expectation)
            guard let reason = step.reason else { return }
            writer.member("reason", reason.code)
            if let detail = step.detail { writer.member("detail", detail) }
            writer.name("remedies")
            writer.array { writer in
                for remedy in step.remedies {
                    writer.object { writer in
                        writer.member("change_at", remedy.place.rawValue)
                        writer.member("sentence", remedy.sentence)
                    }
                }
            }
        }
    }

    private static func words(_ name: String) -> String {
        name.split(separator: "_").joined(separator: " ")
    }
}
