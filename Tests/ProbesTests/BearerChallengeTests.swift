// Challenges as clients read them.

import Testing

@testable import Probes

@Suite struct `A Bearer challenge` {
    static let good: [(String, [String: String])] = [
        ("Bearer", [:]),
        ("bearer realm=\"a\"", ["realm": "a"]),
        ("Bearer error=\"invalid_token\", scope=\"a b\"", ["error": "invalid_token", "scope": "a b"]),
        ("BEARER Error=invalid_token", ["error": "invalid_token"]),
        ("Bearer a = \"b\" , c=\"d\"", ["a": "b", "c": "d"]),
        ("Bearer ,, a=\"b\",", ["a": "b"]),
        (#"Bearer a="x \"y\" \\ , Basic z""#, ["a": #"x "y" \ , Basic z"#]),
        ("Bearer a=\"1\", a=\"2\"", ["a": "1"]),
        ("Basic realm=\"x\", Bearer a=\"b\"", ["a": "b"]),
        ("Negotiate abc==, Bearer a=\"b\"", ["a": "b"]),
        ("Bearer a=\"b\", Basic realm=\"x\"", ["a": "b"]),
    ]

    @Test(arguments: good)
    func `is found with its parameters`(_ value: String, _ parameters: [String: String]) {
        #expect(BearerChallenge.all(in: [value]).map(\.parameters) == [parameters])
    }

    @Test(arguments: [
        "", ",", "Basic realm=\"Bearer a=b\"", "a=\"b\"", "=", "\"", "\u{0}", "DPoP algs=\"ES256\"",
        "Bearer\u{7}=\"",
    ])
    func `is not found where there is none`(_ value: String) {
        #expect(BearerChallenge.all(in: [value]).flatMap(\.parameters).isEmpty)
    }

    @Test(arguments: ["Bearer a=\"b", "Bearer a=\"b\\", "Bearer a=\"b\\\"", "Bearer a=", "Bearer a=@"])
    func `without its end has no such parameter`(_ value: String) {
        #expect(BearerChallenge.all(in: [value]) == [BearerChallenge()])
    }

    @Test func `of a second field is found, too`() {
        let challenges = BearerChallenge.all(in: ["Basic realm=\"x\"", "Bearer error=\"invalid_token\""])
        #expect(challenges.map(\.error) == ["invalid_token"])
    }
}
