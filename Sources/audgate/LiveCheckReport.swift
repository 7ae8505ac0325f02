// What a live check has found, as people and as programs read it.

internal import JSON
internal import Probes

/// What `audgate check --live` prints besides.
struct LiveCheckReport {
    private let report: LiveReport

    /// Makes the report of what was found.
    init(_ report: LiveReport) {
        self.report = report
    }

    /// Whether nothing is wrong that keeps clients out, or lets somebody in.
    var isClean: Bool { report.count(of: .problem) == 0 }

    /// A table with a heading for each issuer and route, and the sum.
    var lines: [String] {
        var table = TextTable(["RESULT", "STEP", "WHAT WAS FOUND, AND WHAT TO DO"])
        for subject in report.subjects {
            table.add(heading: "")
            table.add(heading: subject.kind.rawValue + (subject.name.isEmpty ? "" : " " + subject.name))
            for finding in subject.findings {
                table.add([finding.verdict.rawValue, Self.words(finding.step.rawValue), finding.sentence])
                if let remedy = finding.remedy { table.add(["", "", "-> " + remedy]) }
            }
        }
        let sums = [("problem", report.count(of: .problem)), ("warning", report.count(of: .warning))]
        let sum = sums.map { "\($1) \($0)\($1 == 1 ? "" : "s")" }.joined(separator: ", ")
        return table.lines + ["", "The outside world: \(sum)."]
    }

    /// Writes the member `live` for programs.
    func write(to writer: inout JSONWriter) {
        writer.name("live")
        writer.object { writer in
            writer.member("problems", report.count(of: .problem))
            writer.member("warnings", report.count(of: .warning))
            writer.name("subjects")
            writer.array { writer in
                for subject in report.subjects { Self.write(subject, to: &writer) }
            }
        }
    }

    private static func write(_ subject: LiveReport.Subject, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("kind", subject.kind.rawValue)
            if !subject.name.isEmpty { writer.member("name", subject.name) }
            writer.name("findings")
            writer.array { writer in
                for finding in subject.findings {
                    writer.object { writer in
                        writer.member("step", finding.step.rawValue)
                        writer.member("result", finding.verdict.rawValue)
                        writer.member("found", finding.sentence)
                        if let remedy = finding.remedy { writer.member("remedy", remedy) }
                    }
                }
            }
        }
    }

    private static func words(_ name: String) -> String {
        name.split(separator: "_").joined(separator: " ")
    }
}
