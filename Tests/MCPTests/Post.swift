// A request as it comes in, judged by the real parser, envelope and rules.

import Bytes
import HTTP
import HTTP1
import MCP
import Testing

/// A numbered request, and what must become of it.
struct Post: Sendable, CustomTestStringConvertible {
    /// Number of the test case, or the step or row.
    let number: String
    /// Field lines.
    var fields: [String] = []
    /// The body.
    let body: String
    /// `legacy`, `modern`, or the error code and the reason code of the refusal.
    let expected: String

    var testDescription: String { "\(number): \(fields.joined(separator: ", "))" }

    /// What becomes of it.
    func outcome() -> String {
        let head = Self.head("POST", fields)
        var envelope = Envelope()
        let octets = Array(body.utf8)
        do throws(EnvelopeViolation) {
            try envelope.read(octets.span)
        } catch {
            return "\(error.code) \(error.rawValue)"
        }
        do throws(ProtocolViolation) {
            return "\(try ProtocolRules.era(of: envelope, body: octets.span, head: head))"
        } catch {
            return "\(error.code) \(error.rawValue)"
        }
    }

    /// The head of a request with `fields`, as the parser reads it; an issue if the parser refuses it.
    static func head(_ method: String, _ fields: [String]) -> RequestHead {
        var text = "\(method) /mcp HTTP/1.1\r\nHost: gw.example\r\n"
        for field in fields { text += field + "\r\n" }
        var head = RequestHead()
        var parser = RequestParser(limits: MessageLimits())
        let octets = Array((text + "\r\n").utf8)
        let length = try? parser.parse(octets.span, into: &head)
        if length == nil { Issue.record("The parser takes no head with \(fields).") }
        return head
    }

    /// The version field.
    static func version(_ version: String) -> String { "MCP-Protocol-Version: \(version)" }

    /// The fields of a modern request.
    static func modern(_ method: String, _ name: String? = nil) -> [String] {
        [version("2026-07-28"), "Mcp-Method: \(method)"] + (name.map { ["Mcp-Name: \($0)"] } ?? [])
    }

    /// A request that says nothing of its version.
    static func legacy(_ method: String, _ params: String = "") -> String {
        #"{"jsonrpc":"2.0","id":1,"method":"\#(method)","params":{\#(params)}}"#
    }

    /// A request that describes itself.
    static func call(_ method: String, _ params: String = "", version: String = "2026-07-28") -> String {
        let separator = params.isEmpty ? "" : ","
        return legacy(method, params + separator + meta(version))
    }

    /// A notification that describes itself.
    static func notification(_ version: String?) -> String {
        #"{"jsonrpc":"2.0","method":"x/y","params":{\#(version.map(meta) ?? "")}}"#
    }

    /// `_meta` with a version, and complete.
    static func meta(_ version: String) -> String {
        #""_meta":{"\#(key)protocolVersion":"\#(version)","\#(key)clientCapabilities":{}}"#
    }

    static let key = "io.modelcontextprotocol/"
}
