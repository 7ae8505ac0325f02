// What a configuration is worth and what it lets through, as people and as programs read it.

internal import Bytes
internal import Configuration
internal import JSON
internal import Policy
internal import Proxy

/// What `audgate check` prints.
struct ConfigurationReport {
    private let problems: [Diagnostic]
    private let warnings: [Diagnostic]
    private let snapshot: Snapshot?
    private let admin: AdminReport?
    /// What is wrong with key sets in files, which the gateway would live with and answer 503.
    private let keyProblems: [(issuer: String, problem: String)]

    /// The only route that is reported, nil for all of them.
    private let route: RouteID?

    /// Reports a configuration that can be used, or what of it `route` is.
    init(_ configuration: GatewayConfiguration, route: RouteID? = nil) {
        problems = []
        warnings = configuration.warnings
        snapshot = configuration.snapshot
        self.route = route
        admin = configuration.admin.map { AdminReport($0) }
        keyProblems = configuration.snapshot.issuers.compactMap(Self.keyProblem)
    }

    /// Reports a configuration that cannot be used.
    init(_ error: ConfigurationError) {
        problems = error.diagnostics.filter { $0.severity == .error }
        warnings = error.diagnostics.filter { $0.severity == .warning }
        snapshot = nil
        route = nil
        admin = nil
        keyProblems = []
    }

    private static func keyProblem(of issuer: Issuer) -> (issuer: String, problem: String)? {
        guard case .file = issuer.keySource else { return nil }
        do throws(FetchError) {
            _ = try KeyFetch.fetch(issuer)
            return nil
        } catch {
            return (issuer.name, error.problem)
        }
    }

    /// Whether the configuration can be used.
    var isUsable: Bool { snapshot != nil }

    /// Problems, then warnings, each kind under its number.
    var diagnosticLines: [String] {
        Self.lines(problems, "problem") + Self.lines(warnings, "warning")
    }

    private static func lines(_ diagnostics: [Diagnostic], _ kind: String) -> [String] {
        guard !diagnostics.isEmpty else { return [] }
        return ["\(diagnostics.count) \(kind)\(diagnostics.count == 1 ? "" : "s"):"] + diagnostics.map(\.text)
    }

    /// A line for each key set in a file that is of no use now.
    var keyLines: [String] {
        keyProblems.map { "warning: the tokens of the issuer \"\($0.issuer)\" would get 503: \($0.problem)" }
    }

    /// A paragraph for each route.
    var routeLines: [String] {
        guard let snapshot else { return [] }
        let count = snapshot.routes.count
        var lines = ["The configuration can be used: \(count) route\(count == 1 ? "" : "s")."]
        if let admin { lines += ["", admin.sentence] }
        for route in routes {
            lines += ["", route.resource.text]
            for (name, value) in RouteReport(route, snapshot).rows {
                lines.append("  \(name)\(String(repeating: " ", count: max(16 - name.count, 1)))\(value)")
            }
        }
        return lines
    }

    private var routes: [Route] {
        guard let snapshot else { return [] }
        return route.map { [snapshot.route($0)] } ?? snapshot.routes
    }

    /// One JSON document, with what a live check has found if there was one.
    func json(_ live: LiveCheckReport?) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.name("usable")
            writer.bool(isUsable)
            if let snapshot { writer.member("configuration", snapshot.hash) }
            Self.write(problems, "problems", to: &writer)
            Self.write(warnings, "warnings", to: &writer)
            writer.name("key_problems")
            writer.array { writer in
                for (issuer, problem) in keyProblems {
                    writer.object { writer in
                        writer.member("issuer", issuer)
                        writer.member("problem", problem)
                    }
                }
            }
            if let admin {
                writer.name("admin")
                admin.write(to: &writer)
            }
            writer.name("routes")
            writer.array { writer in
                guard let snapshot else { return }
                for route in routes { RouteReport(route, snapshot).write(to: &writer) }
            }
            live?.write(to: &writer)
        }
        let text = writer.finish()
        return String(lossy: text.span)
    }

    private static func write(_ diagnostics: [Diagnostic], _ name: StaticString, to writer: inout JSONWriter)
    {
        writer.name(name)
        writer.array { writer in
            for diagnostic in diagnostics {
                writer.object { writer in
                    writer.member("file", diagnostic.file)
                    writer.member("line", diagnostic.line)
                    writer.member("column", diagnostic.column)
                    writer.member("pointer", diagnostic.pointer)
                    writer.member("problem", diagnostic.problem)
                    writer.member("remedy", diagnostic.remedy)
                }
            }
        }
    }
}
