// How problems are reported: all at once, in the order of the text, with their places; and texts that are not JSON.

import Configuration
import Testing

@Suite struct ReportTests {
    @Test(arguments: [
        Expectation(
            "/listeners/0/address",
            "This character cannot stand here.",
            #"{ "listeners": [ { "address": §x } ] }"#
        ),
        Expectation("/a", "ends in the middle", "{ \"a\": §"),
        Expectation("", "ends in the middle", "§"),
        Expectation("", "byte order mark", "§\u{FEFF}{}"),
        Expectation("", "follows the end", "{} §{}"),
        Expectation("/a/1", "cannot stand here", "{ \"a\": [1, §/* two */ 2] }"),
        Expectation("/a/0/b~1c", "no such escape", #"{ "x": [{}, "\"{["], "a": [{ "b/c": "§\q" }] }"#),
        Expectation(
            "/a",
            "nested too deeply",
            "{ \"a\": " + String(repeating: "[", count: 31) + "§" + String(repeating: "[", count: 9)
        ),
    ])
    func `reports where a text stops being JSON`(_ row: Expectation) {
        guard row.phrase.contains("deep") else { return row.expectRefusal() }
        #expect(diagnostics(of: row.text).first?.problem.contains("deep") == true)
    }

    @Test func `reports duplicate members and everything else in one go`() throws {
        let text = """
            {
              "listeners": [ { "address": "127.0.0.1:80", "address": "127.0.0.1:81" } ],
              "workers": "many",
              "issuers": { "corp": {
                "issuer": "https://a", "issuer": { "x": [1, 2] },
                "keys": { "file": "k" }, "max_token_lifetime": "1h", "colour": 1 } },
              "routes": [ { "resource": "https://b/", "upstream": "ftp://c" } ],
              "workers": 3
            }
            """
        let found = diagnostics(of: text).map { "\($0.line):\($0.column) \($0.pointer)" }
        #expect(
            found == [
                "2:47 /listeners/0/address", "3:14 /workers", "5:28 /issuers/corp/issuer",
                "6:58 /issuers/corp/colour",
                "7:15 /routes/0", "7:29 /routes/0/resource", "7:55 /routes/0/upstream", "8:3 /workers",
            ]
        )
    }

    @Test func `writes a diagnostic as file, line, column, pointer, problem and remedy`() throws {
        let texts = diagnostics(of: Sample.root(#""workers": true"#)).map(\.text)
        #expect(texts == ["gateway.json:5:14: /workers: A boolean cannot stand here. Write a whole number."])
        let empty = diagnostics(of: "").map(\.text)
        #expect(empty.first?.hasPrefix("gateway.json:1:1: /: The text ends") == true)
    }

    @Test func `gives warnings beside errors`() throws {
        let text = Sample.file(
            listeners: #"{ "address": "0.0.0.0:80" }"#,
            more: Sample.sessionKeys + ", \"workers\": null"
        )
        let severities = diagnostics(of: text).map(\.severity)
        #expect(severities == [.warning, .error])
    }

    @Test func `gives no configuration when a single member is wrong`() {
        #expect(throws: ConfigurationError.self) {
            _ = try ConfigurationLoader.compile(source(Sample.root("\"limits\": { \"tokens\": 0 }")))
        }
    }

    @Test func `writes every problem and remedy as a sentence`() {
        let text = Sample.root(
            #""workers": "", "log": { "level": 1 }, "limits": { "tokens": 0 }, "x": 1, "admin": {}"#
        )
        let found = diagnostics(of: text)
        #expect(found.count == 5)
        for diagnostic in found {
            #expect(diagnostic.problem.hasSuffix("."))
            #expect(diagnostic.remedy.hasSuffix(".") || diagnostic.remedy.hasSuffix("?"))
        }
    }
}
