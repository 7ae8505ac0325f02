// Sealed session ids: who opens them, and who does not.

import Bytes
import MCP
import OpenSSL
import Testing

/// A gateway's keys and the binding of one client.
private enum Sample {
    static let secret = [UInt8](repeating: 0x41, count: 32)
    static let older = [UInt8](repeating: 0x42, count: 40)
    static let endpoint = "http://10.0.0.5:3001/mcp"
    static let id = "0191-4a7e.upstream~id"

    static let defaultKeys = (try? keys([secret])) ?? .random()

    static func keys(_ secrets: [[UInt8]]) throws -> SessionKeys {
        try SessionKeys(secrets: secrets)
    }

    static func binding(
        route: String = "https://mcp.example.com/files",
        issuer: String = "https://login.example.com",
        subject: String = "alice",
        client: String? = "editor"
    ) -> SessionBinding {
        SessionBinding(route: route, issuer: issuer, subject: subject, client: client)
    }

    /// Where the session is; at an address of its endpoint's name, if one is given.
    static func place(_ address: String? = nil) -> PlaceTag {
        PlaceTag(
            endpoint: EndpointTag(ofEndpoint: endpoint),
            address: address.map { EndpointTag(ofEndpoint: $0) }
        )
    }

    static func seal(
        _ id: String = id,
        for binding: SessionBinding = binding(),
        at address: String? = nil,
        keys: SessionKeys? = nil
    ) throws -> [UInt8] {
        let octets = id.octets
        return try SessionSeal.seal(octets.span, for: binding, at: place(address), keys: keys ?? defaultKeys)
    }

    /// What a sealed id encodes.
    static func content(_ id: String = id, keys: SessionKeys? = nil) throws -> [UInt8] {
        let sealed = try seal(id, keys: keys)
        return Base64URL.decode(sealed.span) ?? []
    }

    /// What opening `sealed` gives: the id, or the violation.
    static func open(
        _ sealed: [UInt8],
        for binding: SessionBinding = binding(),
        keys: SessionKeys? = nil
    ) -> Result<OpenedSession, SessionViolation> {
        do throws(SessionViolation) {
            return .success(try SessionSeal.open(sealed.span, for: binding, keys: keys ?? defaultKeys))
        } catch {
            return .failure(error)
        }
    }

    static func open(encoding content: [UInt8]) -> Result<OpenedSession, SessionViolation> {
        open(Base64URL.encode(content.span).octets)
    }

    static func violation(_ id: [UInt8]) -> SessionViolation? {
        do throws(SessionViolation) {
            _ = try SessionSeal.seal(
                id.span,
                for: binding(),
                at: PlaceTag(endpoint: EndpointTag(ofEndpoint: endpoint)),
                keys: defaultKeys
            )
            return nil
        } catch {
            return error
        }
    }
}

extension Result where Success == OpenedSession, Failure == SessionViolation {
    fileprivate var violation: SessionViolation? {
        if case .failure(let violation) = self { violation } else { nil }
    }
}

@Suite struct SessionSealTests {
    @Test(arguments: [1, 2, 3, 36, 511, 512])
    func `gives back the id that it sealed`(length: Int) throws {
        let id = (0..<length).map { UInt8(0x21 + $0 % 94) }
        let text = String(lossy: id.span)
        let sealed = try Sample.seal(text)
        let opened = try Sample.open(sealed).get()
        #expect(opened.id == id)
        #expect(opened.place == Sample.place())
        #expect(opened.place.endpoint != EndpointTag(ofEndpoint: Sample.endpoint + "/"))
    }

    @Test func `tells the address that holds the session, but not to who has the id`() throws {
        let addresses = ["10.0.0.5", "10.0.0.6", "fd00::5"]
        for address in addresses {
            let sealed = try Sample.seal(at: address)
            #expect(try Sample.open(sealed).get().place == Sample.place(address))
            #expect(try Sample.open(sealed).get().id == Sample.id.octets)
            let decoded = Base64URL.decode(sealed.span)
            let content = try #require(decoded)
            let tag = SHA256.digest(of: address.octets.span).bytes.prefix(8)
            #expect(!content.indices.contains { content[$0...].starts(with: tag) })
        }
        #expect(try Set(addresses.map { try Sample.seal(at: $0) }).count == addresses.count)
    }

    @Test func `an id without an address opens to one that any may hold`() throws {
        #expect(try Sample.open(try Sample.seal()).get().place.address == nil)
    }

    @Test func `neither format passes for the other`() throws {
        for (address, format) in [(nil, UInt8(2)), ("10.0.0.5", 1)] {
            let sealed = try Sample.seal(at: address)
            let decoded = Base64URL.decode(sealed.span)
            var content = try #require(decoded)
            content[0] = format
            #expect(Sample.open(encoding: content).violation == .foreign)
        }
    }

    @Test func `a sealed id is base64url and within its bound`() throws {
        let longest = String(repeating: "~", count: SessionSeal.maximumUpstreamLength)
        let sealed = try Sample.seal(longest, at: "10.0.0.5")
        #expect(sealed.count == SessionSeal.maximumLength)
        let content = Base64URL.decode(sealed.span)
        #expect(content?.count == 53 + SessionSeal.maximumUpstreamLength)
        let short = try Sample.seal(longest)
        let plain = Base64URL.decode(short.span)
        #expect(plain?.count == 45 + SessionSeal.maximumUpstreamLength)
        #expect(try Sample.seal() == Sample.seal())
    }

    @Test func `has the form that its documentation tells`() throws {
        let sealed = try Sample.content("id")
        let digest = SHA256.digest(of: Sample.secret.span).bytes
        let tag = SHA256.digest(of: Sample.endpoint.octets.span).bytes
        #expect(Array(sealed.prefix(15)) == [1] + digest.prefix(4) + tag.prefix(8) + "id".octets)
        #expect(sealed.count == 15 + 32)
        func field(_ text: String) -> [UInt8] { [0, 0, 0, 0, 0, 0, 0, UInt8(text.utf8.count)] + text.octets }
        let message =
            [0, 15] + sealed.prefix(15) + field("https://mcp.example.com/files")
            + field("https://login.example.com") + field("alice") + [1] + field("editor")
        var code = HMACSHA256(key: Sample.secret.span)
        let expected = code.code(for: message.span).bytes
        #expect(Array(sealed.suffix(32)) == expected)
    }

    @Test func `opens what Python's hmac has sealed`() throws {
        let sealed =
            "ASKkgFEdw-3Awno6-DAxOTEtNGE3ZS51cHN0cmVhbX5p"
            + "ZNdKCAfPCY6CeORhYlN_OXp1piIFu_yVQGodxgPOpETH"
        let opened = Sample.open(sealed.octets, for: Sample.binding(subject: "天気"))
        #expect(try opened.get().id == Sample.id.octets)
    }

    @Test func `a change of any bit of any octet closes it`() throws {
        let sealed = try Sample.seal()
        for index in sealed.indices {
            for bit in 0..<8 {
                var altered = sealed
                altered[index] ^= 1 << UInt8(bit)
                let violation = Sample.open(altered).violation
                #expect(violation != nil, "octet \(index), bit \(bit)")
                // What is not visible ASCII is no session id; everything else is a dead session.
                let isVisible = (0x21...0x7E).contains(altered[index])
                #expect(violation?.status == (isVisible ? 404 : 400))
            }
        }
    }

    @Test func `a change of any octet of the content closes it`() throws {
        let content = try Sample.content()
        for index in content.indices {
            var altered = content
            altered[index] ^= 0x80
            let violation = Sample.open(encoding: altered).violation
            let expected: SessionViolation =
                switch index {
                case 0: .notSealed
                case 1...4: .unknownKey
                default: .foreign
                }
            #expect(violation == expected, "octet \(index)")
        }
    }

    @Test func `a part of it is a dead session`() throws {
        let sealed = try Sample.seal()
        for count in 1..<sealed.count {
            #expect(Sample.open(Array(sealed.prefix(count))).violation?.status == 404)
            #expect(Sample.open(Array(sealed.suffix(count))).violation?.status == 404)
        }
    }

    @Test(arguments: ["A", "AA", "AAA", "AAAA", "=", "==", ".", "~", "%00"])
    func `more than it is a dead session`(more: String) throws {
        #expect(Sample.open(try Sample.seal() + more.octets).violation?.status == 404)
        #expect(Sample.open(more.octets + (try Sample.seal())).violation?.status == 404)
    }

    @Test(arguments: [
        Sample.binding(route: "https://mcp.example.com/calendar"),
        Sample.binding(route: "https://mcp.example.com/files/"),
        Sample.binding(issuer: "https://login.example.org"),
        Sample.binding(subject: "bob"),
        Sample.binding(subject: "Alice"),
        Sample.binding(subject: ""),
        Sample.binding(client: "other"),
        Sample.binding(client: ""),
        Sample.binding(client: nil),
        Sample.binding(route: "https://login.example.com", issuer: "https://mcp.example.com/files"),
    ])
    func `is nothing to another principal and on another route`(binding: SessionBinding) throws {
        #expect(Sample.open(try Sample.seal(), for: binding).violation == .foreign)
        #expect(Sample.open(try Sample.seal(for: binding)).violation == .foreign)
        #expect(Sample.open(try Sample.seal(for: binding), for: binding).violation == nil)
    }

    @Test func `no field runs into the next`() throws {
        let bindings = [
            SessionBinding(route: "ab", issuer: "c", subject: "", client: nil),
            SessionBinding(route: "a", issuer: "bc", subject: "", client: nil),
            SessionBinding(route: "abc", issuer: "", subject: "", client: nil),
            SessionBinding(route: "", issuer: "abc", subject: "", client: nil),
            SessionBinding(route: "", issuer: "", subject: "abc", client: nil),
            SessionBinding(route: "ab", issuer: "", subject: "c", client: nil),
            SessionBinding(route: "", issuer: "", subject: "", client: "abc"),
            SessionBinding(route: "", issuer: "", subject: "", client: ""),
            SessionBinding(route: "", issuer: "", subject: "", client: nil),
            SessionBinding(route: "", issuer: "", subject: "\u{0}", client: nil),
            SessionBinding(route: "", issuer: "", subject: "\u{1}\u{0}", client: nil),
        ]
        #expect(Set(bindings).count == bindings.count)
        for sealer in bindings {
            let sealed = try Sample.seal(for: sealer)
            for opener in bindings {
                #expect(Sample.open(sealed, for: opener).violation == (sealer == opener ? nil : .foreign))
            }
        }
    }

    @Test(arguments: [
        "", "天気", "e\u{301}", "👩‍👩‍👧", "a\u{0}b", "\u{FEFF}", String(repeating: "x", count: 100_000),
    ])
    func `subjects of any content are their octets`(subject: String) throws {
        let binding = Sample.binding(subject: subject)
        #expect(Sample.open(try Sample.seal(for: binding), for: binding).violation == nil)
        let other = Sample.binding(subject: subject + " ")
        #expect(Sample.open(try Sample.seal(for: binding), for: other).violation == .foreign)
    }

    @Test func `two spellings of one character are two subjects`() throws {
        let composed = Sample.binding(subject: "\u{E9}")
        let decomposed = Sample.binding(subject: "e\u{301}")
        #expect(composed != decomposed)
        #expect(Sample.open(try Sample.seal(for: composed), for: decomposed).violation == .foreign)
    }

    @Test func `an upstream's id that is none is the upstream's fault`() {
        #expect(Sample.violation([]) == .upstreamIDEmpty)
        #expect(Sample.violation([UInt8](repeating: 0x21, count: 513)) == .upstreamIDTooLong)
        for octet in UInt8.min...UInt8.max {
            let expected: SessionViolation? = (0x21...0x7E).contains(octet) ? nil : .upstreamIDInvalid
            #expect(Sample.violation([0x41, octet, 0x41]) == expected)
        }
        for violation: SessionViolation in [.upstreamIDEmpty, .upstreamIDTooLong, .upstreamIDInvalid] {
            #expect(violation.status == 502)
        }
    }

    @Test(arguments: ["", "with space", "tab\t", "天気", "del\u{7F}", "nul\u{0}", "line\n"])
    func `what cannot be a session id is a bad request`(id: String) {
        #expect(Sample.open(id.octets).violation == .invalid)
        #expect(SessionViolation.invalid.status == 400)
    }

    @Test func `an id is bounded before it is read`() {
        #expect(Sample.open([UInt8](repeating: 0x41, count: 5 * 1024)).violation == .tooLong)
        #expect(Sample.open([UInt8](repeating: 0x41, count: 4096)).violation == .notSealed)
        #expect(
            Sample.open([UInt8](repeating: 0x41, count: SessionSeal.maximumLength)).violation == .notSealed
        )
        #expect(SessionViolation.tooLong.status == 400)
    }

    @Test(arguments: [
        "x", "1868a90c-1f5e-4b1e-a8f2-6d1c1f6b0c3e", "AQ", "AQAAAAAAAAAAAAAAAAAA", "....", "=", "AQ==",
    ])
    func `an id that was never sealed is a dead session`(id: String) {
        let violation = Sample.open(id.octets).violation
        #expect(violation == .notSealed)
        #expect(violation?.status == 404)
    }

    @Test func `a seal around no id is none`() throws {
        let sealed = try Sample.content("x")
        let content = Array(sealed.prefix(13))
        #expect(Sample.open(encoding: content + sealed.suffix(32)).violation == .notSealed)
    }
}

@Suite struct SessionKeyTests {
    @Test func `an older key opens, the first one seals`() throws {
        let old = try Sample.keys([Sample.older])
        let rotated = try Sample.keys([Sample.secret, Sample.older])
        let new = try Sample.keys([Sample.secret])
        let sealed = try Sample.seal(keys: old)
        #expect(Sample.open(sealed, keys: rotated).violation == nil)
        #expect(Sample.open(sealed, keys: new).violation == .unknownKey)
        let sealedAfter = try Sample.seal(keys: rotated)
        #expect(Sample.open(sealedAfter, keys: new).violation == nil)
        #expect(Sample.open(sealedAfter, keys: old).violation == .unknownKey)
    }

    @Test func `two processes with the same secret serve each other's sessions`() throws {
        let first = try SessionKeys(secrets: [Sample.secret])
        let second = try SessionKeys(secrets: [Sample.older, Array(Sample.secret)])
        #expect(try Sample.open(Sample.seal(keys: first), keys: second).get().id == Sample.id.octets)
    }

    @Test func `random keys are their own`() throws {
        let keys = SessionKeys.random()
        let sealed = try Sample.seal(keys: keys)
        #expect(Sample.open(sealed, keys: keys).violation == nil)
        #expect(Sample.open(sealed, keys: SessionKeys.random()).violation == .unknownKey)
    }

    @Test func `a forged key identifier does not open`() throws {
        let other = try Sample.keys([Sample.older])
        var content = try Sample.content(keys: other)
        content.replaceSubrange(1..<5, with: SHA256.digest(of: Sample.secret.span).bytes.prefix(4))
        #expect(Sample.open(encoding: content).violation == .foreign)
    }

    @Test func `refuses too few, too many and too short keys`() {
        func error(_ secrets: [[UInt8]]) -> SessionKeyError? {
            do throws(SessionKeyError) {
                _ = try SessionKeys(secrets: secrets)
                return nil
            } catch {
                return error
            }
        }
        #expect(error([]) == .noKey)
        #expect(error([[]]) == .keyTooShort)
        #expect(error([[UInt8](repeating: 1, count: 31)]) == .keyTooShort)
        #expect(error([Sample.secret, [UInt8](repeating: 1, count: 31)]) == .keyTooShort)
        #expect(error(Array(repeating: Sample.secret, count: 16)) == nil)
        #expect(error(Array(repeating: Sample.secret, count: 17)) == .tooManyKeys)
        #expect(SessionKeyError.allCases.allSatisfy { !$0.sentence.isEmpty })
    }
}
