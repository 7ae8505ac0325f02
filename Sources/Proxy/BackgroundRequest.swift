// A request that the gateway makes for itself. Blocks; never called on a worker.

internal import Bytes
public import HTTP
internal import HTTP1
public import Policy
public import Transport

/// Why there is no response.
public struct BackgroundFailure: Error, Sendable {
    /// How far it came.
    public enum Kind: Sendable {
        /// The name of the host has no address.
        case unresolved
        /// No address takes the connection.
        case unreachable
        /// The handshake of TLS failed, or there are no settings for it.
        case insecure
        /// The response did not come in time.
        case silent
        /// What came is no response that may be read, or none came.
        case malformed
        /// The content is longer than was asked for.
        case tooLarge
    }

    /// How far it came.
    public let kind: Kind
    /// What happened, without a full stop.
    let clause: String

    init(_ kind: Kind, _ clause: String) {
        self.kind = kind
        self.clause = clause
    }

    /// What happened, in a sentence. It may hold texts of the other side.
    public var problem: String { clause + "." }
}

/// One exchange on a connection of its own, without redirects: a redirect could lead anywhere (RFC 9728 §7.7).
///
/// Speaks HTTP/1.1, or HTTP/2 where `tls` offers it and the server picks it, or where `speaksHTTP2` says so.
public struct BackgroundRequest: Sendable {
    /// What is asked for, and where.
    public let url: HTTPURL
    /// The method; `other` is none.
    public var method = Method.get
    /// Fields beside `Host`, `User-Agent`, `Connection` and those of framing.
    public var fields: [(name: String, value: String)] = []
    /// The content, empty for none.
    public var body: [UInt8] = []
    /// What https needs. Without it nothing is sent to an https address, least of all in clear text.
    public var tls: UpstreamTLS?
    /// Whether a server without TLS is spoken to in HTTP/2, by prior knowledge.
    public var speaksHTTP2 = false
    /// Where to connect, in the order of trying; nil for the addresses of the URL's host.
    public var addresses: [SocketAddress]?
    /// Whether the connection begins with a header of the PROXY protocol, which says that nobody stands behind it.
    public var sendsProxyHeader = false
    /// Longest time for all of it, in milliseconds.
    public var patience = 10_000
    /// Most bytes of the response's content; 0: the content is not waited for.
    public var maximumLength = 256 * 1024

    /// Makes a GET request without fields of its own.
    public init(_ url: HTTPURL) {
        self.url = url
    }

    /// Makes a GET request to an address that is read here.
    ///
    /// - Throws: When it is no http or https URL.
    public init(to address: String) throws(BackgroundFailure) {
        do throws(HTTPURLError) {
            url = try HTTPURL(address, allowsQuery: true)
        } catch {
            throw BackgroundFailure(.malformed, "\(address) is not a URL")
        }
    }

    /// Connects, asks, and waits for the response.
    public func send() throws(BackgroundFailure) -> BackgroundResponse {
        try checkFields()
        let deadline = Clock.monotonicMilliseconds + patience
        var connection = try BackgroundConnection(for: self, until: deadline)
        return try connection.isHTTP2 ? exchangeHTTP2(over: &connection) : exchangeHTTP1(over: &connection)
    }

    /// Looks the addresses of the URL's host up, for at most `patience`.
    public func lookUpAddresses() throws(BackgroundFailure) -> [SocketAddress] {
        do throws(NameLookupError) {
            return try NameLookup.addresses(of: url.host, port: url.port, within: patience)
        } catch {
            throw BackgroundFailure(.unresolved, "Cannot connect to \(url.host): \(error.reason)")
        }
    }

    /// A line end in a field would end the head.
    private func checkFields() throws(BackgroundFailure) {
        for field in fields {
            let name = field.name.octets
            let isName = !name.isEmpty && name.allSatisfy(ASCII.isTokenCharacter)
            guard isName, ASCII.isFieldValue(field.value.octets.span) else {
                throw BackgroundFailure(.malformed, "A field of the request cannot be sent")
            }
        }
    }

    /// Appends the fields of the request that do not depend on the version of HTTP.
    func appendFields<Writer: FieldWriter & ~Copyable>(to writer: inout Writer) {
        writer.appendField("User-Agent", "audgate")
        for field in fields { writer.appendField(field.name.octets.span, field.value.octets.span) }
        // A POST without content needs to say so (RFC 9110 §8.6).
        guard !body.isEmpty || method == .post else { return }
        writer.appendField("Content-Length") { $0.append(decimal: body.count) }
    }

    /// The method as it stands in a head.
    var methodName: [UInt8] { "\(method.name ?? "GET")".octets }

    private func exchangeHTTP1(
        over connection: inout BackgroundConnection
    ) throws(BackgroundFailure) -> BackgroundResponse {
        var output = ByteBuffer()
        output.appendRequestLine(method: methodName.span) { $0.append(url.target) }
        output.appendField("Host", url.authority)
        appendFields(to: &output)
        output.appendField("Connection", "close")
        output.appendHeadEnd()
        output.append(body.span)
        try connection.send(&output)
        var reader = BackgroundResponseReader(answering: self)
        var input = ByteBuffer()
        while true {
            let hasEnded = try connection.receive(into: &input)
            if let response = try reader.read(&input, hasEnded: hasEnded) { return response }
        }
    }
}
