// The PROXY protocol: what it says, in whatever pieces it comes, and what is no header of it.

import Bytes
import Testing
import Transport

/// Octets of headers of version 2.
private enum Binary {
    static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    /// 192.0.2.1, 198.51.100.2, ports 56324 and 443.
    static let ipv4: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 2, 0xDC, 0x04, 0x01, 0xBB]
    /// 2001:db8::1, 2001:db8::2, ports 1 and 443.
    static let ipv6: [UInt8] =
        [0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
        + [0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2] + [0, 1, 0x01, 0xBB]

    static func header(_ command: UInt8, _ family: UInt8, _ rest: [UInt8], length: Int? = nil) -> [UInt8] {
        let length = length ?? rest.count
        return signature + [command, family, UInt8(length >> 8), UInt8(length & 0xFF)] + rest
    }

    static func vector(_ type: UInt8, _ value: [UInt8]) -> [UInt8] {
        [type, UInt8(value.count >> 8), UInt8(value.count & 0xFF)] + value
    }

    /// What another implementation of CRC32c made of the header below.
    static let checksum: [UInt8] = [0x52, 0xBA, 0x49, 0x5B]

    /// A header with a checksum.
    static func checked(_ checksum: [UInt8]) -> [UInt8] {
        let vectors = vector(4, Array("pad".utf8)) + vector(3, checksum) + vector(2, Array("a.example".utf8))
        return header(0x21, 0x11, ipv4 + vectors)
    }
}

/// Octets and what comes of them.
struct ProxyHeaderCase: Sendable, CustomTestStringConvertible {
    let name: String
    let octets: [UInt8]
    /// The client, nil where the connection's own peer counts.
    var client: String?
    var error: ProxyHeaderError?

    init(_ line: String, _ client: String?) {
        (name, octets, self.client) = (line, Array(line.utf8), client)
    }

    init(_ name: String, _ octets: [UInt8], _ client: String?) {
        (self.name, self.octets, self.client) = (name, octets, client)
    }

    init(_ line: String, error: ProxyHeaderError) {
        (name, octets, self.error) = (line, Array(line.utf8), error)
    }

    init(_ name: String, _ octets: [UInt8], error: ProxyHeaderError) {
        (self.name, self.octets, self.error) = (name, octets, error)
    }

    var testDescription: String { name }
}

@Suite struct ProxyHeaderTests {
    static let longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

    static let lines = [
        ProxyHeaderCase("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", "192.168.0.1:56324"),
        ProxyHeaderCase(
            "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
            "255.255.255.255:65535"
        ),
        ProxyHeaderCase("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", "0.0.0.0:0"),
        ProxyHeaderCase("PROXY TCP6 2001:DB8::1 ::1 1 2\r\n", "[2001:db8::1]:1"),
        ProxyHeaderCase("PROXY TCP6 ::ffff:10.0.0.1 ::1 1 2\r\n", "[::ffff:10.0.0.1]:1"),
        ProxyHeaderCase("PROXY TCP6 \(longest) \(longest) 65535 65535\r\n", "[\(longest)]:65535"),
        ProxyHeaderCase("PROXY UNKNOWN\r\n", nil),
        ProxyHeaderCase("PROXY UNKNOWN \r\n", nil),
        ProxyHeaderCase("PROXY UNKNOWN whatever \u{FF} stands here\r\n", nil),
        ProxyHeaderCase("PROXY UNKNOWN \(longest) \(longest) 65535 65535\r\n", nil),
    ]

    static let binaries = [
        ProxyHeaderCase("LOCAL", Binary.header(0x20, 0, []), nil),
        ProxyHeaderCase("LOCAL with addresses", Binary.header(0x20, 0x11, Binary.ipv4), nil),
        ProxyHeaderCase("LOCAL with anything", Binary.header(0x20, 0xFF, [1, 2, 3]), nil),
        ProxyHeaderCase("TCP over IPv4", Binary.header(0x21, 0x11, Binary.ipv4), "192.0.2.1:56324"),
        ProxyHeaderCase("TCP over IPv6", Binary.header(0x21, 0x21, Binary.ipv6), "[2001:db8::1]:1"),
        ProxyHeaderCase("UDP over IPv4", Binary.header(0x21, 0x12, Binary.ipv4), nil),
        ProxyHeaderCase("UDP over IPv6", Binary.header(0x21, 0x22, Binary.ipv6), nil),
        ProxyHeaderCase("IPv4 without protocol", Binary.header(0x21, 0x10, Binary.ipv4), nil),
        ProxyHeaderCase("Unix", Binary.header(0x21, 0x31, [UInt8](repeating: 97, count: 216)), nil),
        ProxyHeaderCase("nothing known", Binary.header(0x21, 0x00, []), nil),
        ProxyHeaderCase("a protocol without family", Binary.header(0x21, 0x01, []), nil),
        ProxyHeaderCase(
            "vectors",
            Binary.header(
                0x21,
                0x11,
                Binary.ipv4 + Binary.vector(0x01, [0x68, 0x32]) + Binary.vector(0xEA, [])
            ),
            "192.0.2.1:56324"
        ),
        ProxyHeaderCase("a checksum", Binary.checked(Binary.checksum), "192.0.2.1:56324"),
        ProxyHeaderCase(
            "4096 octets",
            Binary.header(0x21, 0x11, Binary.ipv4 + Binary.vector(4, [UInt8](repeating: 0, count: 4065))),
            "192.0.2.1:56324"
        ),
    ]

    @Test(arguments: lines + binaries)
    func `reads a header and leaves what follows it`(row: ProxyHeaderCase) throws {
        let expected = row.client.map { SocketAddress($0).map(ProxyHeader.client) } ?? .unknown
        for rest in ["", "G", "GET / HTTP/1.1\r\n", "PROXY TCP4 1.1.1.1 1.1.1.1 1 1\r\n"] {
            let octets = row.octets + Array(rest.utf8)
            let found = try ProxyHeader.parse(octets.span)
            #expect(found?.header == expected)
            #expect(found?.length == row.octets.count)
        }
    }

    @Test(arguments: lines + binaries)
    func `waits for a header that comes in pieces`(row: ProxyHeaderCase) throws {
        for count in 0..<row.octets.count {
            let piece = Array(row.octets.prefix(count))
            let isThere = try ProxyHeader.parse(piece.span) != nil
            #expect(!isThere, "\(count) octets")
        }
    }

    static let wrongLines = [
        ProxyHeaderCase("GET / HTTP/1.1\r\n", error: .notProxyHeader),
        ProxyHeaderCase("PRI * HTTP/2.0\r\n\r\n", error: .notProxyHeader),
        ProxyHeaderCase(" PROXY UNKNOWN\r\n", error: .notProxyHeader),
        ProxyHeaderCase("\r\nPROXY UNKNOWN\r\n", error: .notProxyHeader),
        ProxyHeaderCase("proxy UNKNOWN\r\n", error: .notProxyHeader),
        ProxyHeaderCase("PROXY\tUNKNOWN\r\n", error: .notProxyHeader),
        ProxyHeaderCase("PROXY\r\n", error: .notProxyHeader),
        ProxyHeaderCase("\u{16}\u{3}\u{1}", error: .notProxyHeader),
        ProxyHeaderCase("PROXY \r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY  UNKNOWN\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY unknown\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY UNKNOWNX\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP5 1.2.3.4 1.2.3.4 1 1\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP4\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP4 1.2.3.4 1.2.3.4 1 1 \r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP4 1.2.3.4 1.2.3.4 1 1 1\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP4  1.2.3.4 1.2.3.4 1 1\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP4 1.2.3.4\t1.2.3.4 1 1\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP4 1.2.3 1.2.3.4 1 1\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP4 1.2.3.256 1.2.3.4 1 1\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP4 01.2.3.4 1.2.3.4 1 1\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP4 1.2.3.4 1.2.3.04 1 1\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP4 0x1.2.3.4 1.2.3.4 1 1\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP4 ::1 ::1 1 1\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP4 1.2.3.4 ::1 1 1\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP6 1.2.3.4 1.2.3.4 1 1\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP6 ::1 1.2.3.4 1 1\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP6 [::1] ::1 1 1\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP6 ::1%lo ::1 1 1\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP6 ::1:: ::1 1 1\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 1 1\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP4 localhost 1.2.3.4 1 1\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP4 1.2.3.4\u{0} 1.2.3.4 1 1\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP4 1.2.3.4 1.2.3.4 65536 1\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP4 1.2.3.4 1.2.3.4 -1 1\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP4 1.2.3.4 1.2.3.4 +1 1\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP4 1.2.3.4 1.2.3.4 01 1\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP4 1.2.3.4 1.2.3.4 1 00\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP4 1.2.3.4 1.2.3.4 ١ 1\r\n", error: .malformedLine),
        ProxyHeaderCase("PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n", error: .malformedLineEnd),
        ProxyHeaderCase("PROXY TCP4 1.2.3.4 1.2.3.4 1 1\rX", error: .malformedLineEnd),
        ProxyHeaderCase("PROXY TCP4 1.2.3.4 1.2.3.4 1 1\r\r\n", error: .malformedLineEnd),
        ProxyHeaderCase("PROXY UNKNOWN \n\r\n", error: .malformedLineEnd),
        ProxyHeaderCase("PROXY UNKNOWN " + String(repeating: "x", count: 92) + "\r\n", error: .tooLong),
        ProxyHeaderCase("PROXY UNKNOWN " + String(repeating: "x", count: 93), error: .tooLong),
    ]

    static let wrongBinaries = [
        ProxyHeaderCase("another signature", [0x0D, 0x0A, 0x0D, 0x0A, 1], error: .notProxyHeader),
        ProxyHeaderCase("version 1", Binary.header(0x11, 0x11, Binary.ipv4), error: .unsupportedVersion),
        ProxyHeaderCase("version 3", Binary.header(0x31, 0x11, Binary.ipv4), error: .unsupportedVersion),
        ProxyHeaderCase("command 2", Binary.header(0x22, 0x11, Binary.ipv4), error: .unknownCommand),
        ProxyHeaderCase("command 15", Binary.header(0x2F, 0x11, Binary.ipv4), error: .unknownCommand),
        ProxyHeaderCase("family 4", Binary.header(0x21, 0x41, Binary.ipv4), error: .unknownFamily),
        ProxyHeaderCase("family 15", Binary.header(0x21, 0xF1, Binary.ipv4), error: .unknownFamily),
        ProxyHeaderCase("protocol 3", Binary.header(0x21, 0x13, Binary.ipv4), error: .unknownFamily),
        ProxyHeaderCase("protocol 15", Binary.header(0x21, 0x0F, []), error: .unknownFamily),
        ProxyHeaderCase("no address", Binary.header(0x21, 0x11, []), error: .addressTooShort),
        ProxyHeaderCase(
            "half an IPv4",
            Binary.header(0x21, 0x11, Array(Binary.ipv4.dropLast())),
            error: .addressTooShort
        ),
        ProxyHeaderCase("IPv4 for IPv6", Binary.header(0x21, 0x21, Binary.ipv4), error: .addressTooShort),
        ProxyHeaderCase("UDP too short", Binary.header(0x21, 0x12, [1]), error: .addressTooShort),
        ProxyHeaderCase(
            "Unix too short",
            Binary.header(0x21, 0x31, [UInt8](repeating: 0, count: 215)),
            error: .addressTooShort
        ),
        ProxyHeaderCase("4097 octets", Binary.header(0x21, 0x11, [], length: 4081), error: .tooLong),
        ProxyHeaderCase("65551 octets", Binary.header(0x20, 0x00, [], length: 65535), error: .tooLong),
        ProxyHeaderCase(
            "two octets behind the addresses",
            Binary.header(0x21, 0x11, Binary.ipv4 + [4, 0]),
            error: .malformedVector
        ),
        ProxyHeaderCase(
            "a vector beyond the end",
            Binary.header(0x21, 0x11, Binary.ipv4 + [4, 0, 2, 0]),
            error: .malformedVector
        ),
        ProxyHeaderCase(
            "a vector of 65535 octets",
            Binary.header(0x21, 0x00, [4, 0xFF, 0xFF]),
            error: .malformedVector
        ),
        ProxyHeaderCase("a checksum of three octets", Binary.checked([0, 0, 0]), error: .malformedVector),
        ProxyHeaderCase(
            "two checksums",
            Binary.header(0x21, 0x00, Binary.vector(3, [0, 0, 0, 0]) + Binary.vector(3, [0, 0, 0, 0])),
            error: .malformedVector
        ),
        ProxyHeaderCase("a checksum of zeros", Binary.checked([0, 0, 0, 0]), error: .wrongChecksum),
    ]

    @Test(arguments: wrongLines + wrongBinaries)
    func `refuses what is no header`(row: ProxyHeaderCase) throws {
        var found: ProxyHeaderError?
        do throws(ProxyHeaderError) {
            _ = try ProxyHeader.parse(row.octets.span)
        } catch {
            found = error
        }
        #expect(found == row.error)
    }

    @Test func `has a row for each way to be wrong`() {
        let errors = Set((Self.wrongLines + Self.wrongBinaries).compactMap(\.error))
        #expect(errors == Set(ProxyHeaderError.allCases))
    }

    @Test(arguments: lines + binaries + wrongLines + wrongBinaries)
    func `comes to the same in every split`(row: ProxyHeaderCase) {
        let octets = row.octets + Array("GET".utf8)
        #expect(ProxyHeaderInvariants.broken(by: octets.span) == nil)
    }

    @Test func `refuses every change of one bit under a checksum`() throws {
        let good = Binary.checked(Binary.checksum)
        // The octet that says that the vector is a checksum could as well say that there is none.
        let type = good.count - Binary.vector(2, Array("a.example".utf8)).count - 7
        for index in good.indices where index != type {
            var octets = good
            octets[index] ^= 0x40
            let found = try? ProxyHeader.parse(octets.span)
            #expect(found == nil, "octet \(index)")
        }
    }

    @Test(arguments: CorpusFiles.paths(matching: "../Fuzz/Corpus/proxy/*"))
    func `keeps its invariants for every seed`(path: String) {
        #expect(ProxyHeaderInvariants.broken(by: CorpusFiles.octets(of: path).span) == nil)
    }
}
