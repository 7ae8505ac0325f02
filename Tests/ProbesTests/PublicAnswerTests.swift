// What is made of the answers at a public name.

import Bytes
import HTTP
import JSON
import Policy
import Proxy
import Testing

@testable import Probes

@Suite struct `The answer at the address of the metadata document` {
    private func verdict(
        _ body: String,
        status: Int = 200,
        type: String = "application/json"
    ) throws -> Finding.Verdict {
        let response = BackgroundResponse(status: status, fields: [(.contentType, type)], body: body.octets)
        return try Sample().answers.document(response).verdict
    }

    private func document() throws -> String {
        let sample = try Sample()
        return String(decoding: sample.snapshot.route(Sample.files).metadataDocument, as: UTF8.self)
    }

    @Test func `is right if it is what the configuration says`() throws {
        #expect(try verdict(try document()) == .ok)
        #expect(try verdict(try document(), type: "application/json; charset=utf-8") == .ok)
    }

    @Test func `is suspicious if it differs in members that clients can do without`() throws {
        let issuers = "\"authorization_servers\": [\"https://login.example.com\"]"
        #expect(try verdict("{\"resource\": \"https://mcp.example.com/files\", \(issuers)}") == .warning)
    }

    @Test(arguments: [
        "https://mcp.example.com/Files", "https://mcp.example.com/files/", "http://mcp.example.com/files",
        "https://mcp.example.com:443/files", "https://mcp.example.com/calendar", "",
    ])
    func `is a problem if it names another resource`(_ resource: String) throws {
        let good = try document()
        let changed = good.replacing("https://mcp.example.com/files", with: resource)
        #expect(changed != good)
        #expect(try verdict(changed) == .problem)
    }

    @Test(arguments: [
        "[]", "[\"https://evil.example\"]", "[\"https://login.example.com/\"]", "null",
        "[\"https://login.example.com\", \"https://evil.example\"]", "\"https://login.example.com\"",
    ])
    func `is a problem if it names other authorization servers`(_ servers: String) throws {
        #expect(
            try verdict(
                "{\"resource\": \"https://mcp.example.com/files\", \"authorization_servers\": \(servers)}"
            ) == .problem
        )
    }

    @Test(arguments: ["", "<html>", "[]", "{", "{\"resource\": 1}", "{}"])
    func `is a problem if it is no document`(_ body: String) throws {
        #expect(try verdict(body) == .problem)
    }

    @Test(arguments: ["text/html", "text/plain", "application/json; charset=latin1", ""])
    func `is a problem if it says that it is something else`(_ type: String) throws {
        #expect(try verdict(try document(), type: type) == .problem)
    }

    @Test(arguments: [
        (201, Finding.Verdict.problem), (204, .problem), (301, .problem), (401, .problem), (404, .problem),
        (421, .problem), (429, .warning), (502, .problem), (503, .problem),
    ])
    func `is no document with another status`(_ status: Int, _ expected: Finding.Verdict) throws {
        #expect(try verdict(try document(), status: status) == expected)
    }
}

@Suite struct `The answer to a request` {
    private static let address = "https://mcp.example.com/.well-known/oauth-protected-resource/files"

    private func response(_ status: Int, _ challenges: [String] = []) -> BackgroundResponse {
        BackgroundResponse(status: status, fields: challenges.map { (.wwwAuthenticate, $0) })
    }

    @Test(arguments: [
        ["Bearer resource_metadata=\"\(address)\""],
        ["Basic realm=\"x\"", "Bearer scope=\"a\", resource_metadata=\"\(address)\""],
    ])
    func `without a token is a challenge that leads to the document`(_ challenges: [String]) throws {
        #expect(try Sample().answers.challenge(response(401, challenges)).verdict == .ok)
    }

    @Test(arguments: [
        [], ["Basic realm=\"x\""], ["Bearer"], ["Bearer resource_metadata=\"\(address)/\""],
        ["Bearer resource_metadata=\"http://mcp.example.com/.well-known/oauth-protected-resource/files\""],
        ["Bearer resource_metadata=\"\(address)"],
    ])
    func `without a token is a problem if it leads elsewhere or nowhere`(_ challenges: [String]) throws {
        #expect(try Sample().answers.challenge(response(401, challenges)).verdict == .problem)
    }

    @Test(arguments: [
        (200, "everybody"), (202, "everybody"), (302, "redirect"), (404, "match.path"), (421, "match.host"),
        (502, "reaches"), (403, "not this gateway"),
    ])
    func `without a token is a problem if it is no challenge`(_ status: Int, _ word: String) throws {
        let finding = try Sample().answers.challenge(
            response(status, ["Bearer resource_metadata=\"\(Self.address)\""])
        )
        #expect(finding.verdict == .problem)
        #expect((finding.sentence + (finding.remedy ?? "")).contains(word))
    }

    @Test(arguments: [
        (401, ["Bearer error=\"invalid_token\""], Finding.Verdict.ok),
        (401, ["Bearer error=\"insufficient_scope\""], .problem), (401, ["Bearer"], .problem),
        (401, [], .problem),
        (200, [], .problem), (202, [], .problem), (400, [], .problem), (403, [], .problem),
        (404, [], .problem),
        (405, [], .problem), (502, [], .problem), (504, [], .problem), (429, [], .warning),
        (503, [], .warning),
    ])
    func `with a bad token must be 401 invalid_token`(
        _ status: Int,
        _ challenges: [String],
        _ expected: Finding.Verdict
    ) throws {
        let answers = try Sample().answers
        let finding = answers.refusal(response(status, challenges), .forgery, of: "a token", danger: "x.")
        #expect(finding.verdict == expected)
        #expect(finding.sentence.hasPrefix("A token got \(status)"))
    }

    @Test(arguments: [
        (200, Finding.Verdict.ok), (202, .ok), (400, .ok), (403, .ok), (404, .ok), (401, .problem),
        (429, .warning),
        (502, .problem), (503, .problem),
    ])
    func `with a good token must not be 401`(_ status: Int, _ expected: Finding.Verdict) throws {
        #expect(try Sample().answers.acceptance(response(status)).verdict == expected)
    }
}
