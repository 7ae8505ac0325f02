// Texts of configurations, with a mark where a problem is expected.

import Bytes
import Configuration
import Testing

/// A configuration that is good but for what a test puts into it.
enum Sample {
    /// 2026-01-01, when every certificate is valid.
    static let now: Int64 = 1_767_225_600

    /// The files of `Certificates` in every folder, and one variable.
    static func surroundings(now: Int64 = now) -> ConfigurationSurroundings {
        var surroundings = ConfigurationSurroundings()
        surroundings.read = { path in
            let name = path.split(separator: "/").last.map(String.init) ?? path
            let lines = [
                "sessions.key": sessionKey, "collector.token": "Bearer 2YotnFZFEjr1zCsicMWpAA\n",
                "admin.token": adminToken,
            ]
            guard let text = lines[name].map({ Array($0.utf8) }) ?? Certificates.files[name] else {
                return .failure(ConfigurationFileError(path: path, reason: "No such file or directory"))
            }
            return .success(text)
        }
        surroundings.variable = { $0 == "GATEWAY_KEY" ? Certificates.gatewayKey : nil }
        surroundings.now = now
        return surroundings
    }

    /// 64 characters as `openssl rand -base64 48` writes them.
    static let sessionKey = "mP0ZCvQ1o7q0sB6r3nT4kXk9l2H5yW8uFjA1dEwGzR7cVbN3iLxUtSaMfQpYhJ2e\n"
    /// 44 characters as `openssl rand -base64 32` writes them.
    static let adminToken = "5YtD2uJ0m3G7yq1XwK8bR6vS9cN4fZ2hL5aT0eP3oQw=\n"
    /// A member for listeners that others can reach, which keeps a warning away.
    static let sessionKeys = #", "session_keys": [{ "file": "sessions.key" }]"#

    static let listener = #"{ "address": "127.0.0.1:8080" }"#
    static let issuer = #""issuer": "https://login.example.com", "keys": { "file": "keys.json" }"#
    static let corp = #"{ "corp": { \#(issuer), "max_token_lifetime": "1h" } }"#
    static let target = #""issuer": "corp", "upstream": "http://10.0.0.5:3001/mcp""#
    static let files = #"{ "resource": "https://mcp.example.com/files", \#(target) }"#

    /// The whole file.
    static func file(
        listeners: String = listener,
        issuers: String = corp,
        routes: String = files,
        more: String = ""
    ) -> String {
        """
        {
          "listeners": [ \(listeners) ],
          "issuers": \(issuers),
          "routes": [ \(routes) ]\(more)
        }
        """
    }

    /// A file with further members of the listener.
    static func listener(_ members: String) -> String {
        file(listeners: #"{ "address": "127.0.0.1:8080", \#(members) }"#)
    }

    /// A file with further members of the issuer.
    static func issuer(_ members: String) -> String {
        file(issuers: #"{ "corp": { "max_token_lifetime": "1h", \#(members) } }"#)
    }

    /// A file with further members of the route.
    static func route(_ members: String) -> String {
        file(routes: #"{ "resource": "https://mcp.example.com/files", \#(target), \#(members) }"#)
    }

    /// A file with a second route.
    static func routes(_ first: String, _ second: String) -> String {
        file(routes: "{ \(target), \(first) },\n    { \(target), \(second) }")
    }

    /// A file whose route has this upstream.
    static func upstream(_ upstream: String) -> String {
        file(
            routes:
                #"{ "resource": "https://mcp.example.com/files", "issuer": "corp", "upstream": \#(upstream) }"#
        )
    }

    /// A file with a further member of the configuration.
    static func root(_ member: String) -> String {
        file(more: ",\n  \(member)")
    }
}

/// What is expected of a text in which `§` stands before the place of a problem.
struct Expectation: CustomTestStringConvertible, Sendable {
    let text: String
    let pointer: String
    let phrase: String
    let line: Int
    let column: Int

    init(_ pointer: String, _ phrase: String, _ marked: String) {
        let before = Array(marked.utf8.prefix { $0 != 0xC2 })
        text = marked.split(separator: "§", omittingEmptySubsequences: false).joined()
        self.pointer = pointer
        self.phrase = phrase
        line = before.count { $0 == 0x0A } + 1
        column = before.reversed().prefix { $0 != 0x0A }.count + 1
    }

    var testDescription: String { "\(pointer): \(phrase)" }

    /// Whether `diagnostic` is what is expected.
    func matches(_ diagnostic: Diagnostic) -> Bool {
        diagnostic.pointer == pointer && diagnostic.line == line && diagnostic.column == column
            && "\(diagnostic.problem) \(diagnostic.remedy)".contains(phrase)
    }

    /// Expects one error, this one.
    func expectRefusal(sourceLocation: SourceLocation = #_sourceLocation) {
        let errors = diagnostics(of: text).filter { $0.severity == .error }
        let texts = errors.map(\.text)
        #expect(errors.count == 1, "\(texts)", sourceLocation: sourceLocation)
        #expect(
            errors.contains(where: matches),
            "\(texts), expected at \(line):\(column)",
            sourceLocation: sourceLocation
        )
    }
}

/// All diagnostics of `text`, whether it is refused or not.
func diagnostics(
    of text: String,
    beside surroundings: ConfigurationSurroundings = Sample.surroundings()
) -> [Diagnostic] {
    do throws(ConfigurationError) {
        return try ConfigurationLoader.compile(source(text), beside: surroundings).warnings
    } catch {
        return error.diagnostics
    }
}

/// `text` as a file.
func source(_ text: String, _ name: String = "gateway.json") -> ConfigurationSource {
    ConfigurationSource(name: name, text: Array(text.utf8))
}
