// Fetches one small document over HTTP: key sets and metadata of issuers. Blocks; never called on a worker.

internal import Bytes
internal import HTTP
internal import HTTP1
internal import Transport

/// A document with how long it may be kept.
struct FetchedDocument {
    /// The content.
    let body: [UInt8]
    /// `max-age` of `Cache-Control` in seconds; nil if it says nothing.
    let maximumAge: Int?
}

/// Why a document could not be had, in a sentence for the log.
public struct FetchError: Error {
    /// One or more sentences. They may hold texts of the source.
    public let problem: String
    /// Whether the source did answer, and said that the issuer has no key: the keys that were used before are over.
    let endsKeys: Bool

    init(problem: String, endsKeys: Bool = false) {
        self.problem = problem
        self.endsKeys = endsKeys
    }
}

/// One GET request, without redirects: a redirect could lead anywhere (RFC 9728 §7.7).
enum DocumentFetch {
    /// Milliseconds for all of it.
    private static let patience = 10_000
    /// Most bytes of a document.
    private static let maximumLength = 256 * 1024

    /// Fetches the document at `address`.
    static func get(_ address: String) throws(FetchError) -> FetchedDocument {
        guard let url = try? HTTPURL(address, allowsQuery: true) else {
            throw FetchError(problem: "\(address) is not a URL.")
        }
        guard !url.isSecure else {
            throw FetchError(problem: "https is not yet supported for \(address).")
        }
        let deadline = Clock.monotonicMilliseconds + patience
        let socket = try connect(to: url, until: deadline)
        try send(request(for: url), over: socket, until: deadline)
        return try receive(from: socket, address, until: deadline)
    }

    private static func request(for url: HTTPURL) -> String {
        "GET \(url.target) HTTP/1.1\r\nHost: \(url.authority)\r\nAccept: application/json\r\n"
            + "User-Agent: audgate\r\nConnection: close\r\n\r\n"
    }

    private static func connect(to url: HTTPURL, until deadline: Int) throws(FetchError) -> Socket {
        var problem = ""
        do {
            for address in try NameLookup.addresses(of: url.host, port: url.port) {
                do throws(SystemError) {
                    let socket = try Socket.connect(to: address)
                    guard socket.wait(for: .writing, until: deadline) else {
                        problem = "\(address): no answer in time"
                        continue
                    }
                    if let error = socket.takeError() { throw error }
                    return socket
                } catch {
                    problem = "\(address): \(error)"
                }
            }
        } catch {
            problem = "\(url.host): \(error.reason)"
        }
        throw FetchError(problem: "Cannot connect to \(problem).")
    }

    private static func send(
        _ request: String,
        over socket: borrowing Socket,
        until deadline: Int
    ) throws(FetchError) {
        var output = ByteBuffer()
        output.append(request)
        while !output.isEmpty {
            switch socket.send(output.span) {
            case .bytes(let count): output.consume(count)
            case .wouldBlock:
                guard socket.wait(for: .writing, until: deadline) else {
                    throw FetchError(problem: "No answer in time.")
                }
            case .failed(let error): throw FetchError(problem: "\(error)")
            }
        }
    }

    private static func receive(
        from socket: borrowing Socket,
        _ address: String,
        until deadline: Int
    ) throws(FetchError) -> FetchedDocument {
        var reader = DocumentReader(maximumLength: maximumLength)
        var input = ByteBuffer()
        while true {
            let result = socket.receive(into: &input, room: 16 * 1024)
            switch result {
            case .bytes, .end:
                if let document = try reader.read(&input, hasEnded: result == .end, address) {
                    return document
                }
            case .wouldBlock:
                guard socket.wait(for: .reading, until: deadline) else {
                    throw FetchError(problem: "\(address) did not answer in time.")
                }
            case .failed(let error): throw FetchError(problem: "\(address): \(error)")
            }
        }
    }
}

/// Puts a document together from the bytes of a response.
private struct DocumentReader: ~Copyable {
    private let maximumLength: Int
    private var parser = ResponseParser(limits: MessageLimits())
    private var head = ResponseHead()
    private var decoder: BodyDecoder?
    private var body: [UInt8] = []

    init(maximumLength: Int) {
        self.maximumLength = maximumLength
    }

    /// Uses `input` up; the document once it is complete.
    mutating func read(
        _ input: inout ByteBuffer,
        hasEnded: Bool,
        _ address: String
    ) throws(FetchError) -> FetchedDocument? {
        do throws(MessageViolation) {
            if decoder == nil {
                guard let length = try parser.parse(input.span, into: &head, answering: .get) else {
                    guard !hasEnded else { throw .truncatedBody }
                    return nil
                }
                input.consume(length)
                decoder = BodyDecoder(framing: head.framing, limits: MessageLimits())
            }
            let isComplete = try readBody(input.span)
            input.removeAll()
            guard isComplete || hasEnded else { return nil }
            guard isComplete || decoder?.endsWithConnection == true else { throw .truncatedBody }
        } catch {
            throw FetchError(problem: "\(address) did not answer in HTTP: \(error.rawValue).")
        }
        guard head.status == 200 else {
            throw FetchError(problem: "\(address) answered with status \(head.status).")
        }
        guard body.count <= maximumLength else { throw FetchError(problem: "\(address) is too large.") }
        return FetchedDocument(body: body, maximumAge: maximumAge)
    }

    /// Reads body bytes; true once the body is complete. What is beyond the limit is not kept.
    private mutating func readBody(_ bytes: borrowing Span<UInt8>) throws(MessageViolation) -> Bool {
        var offset = 0
        while true {
            switch try decoder?.next(bytes, at: &offset) {
            case .data(let range):
                if body.count <= maximumLength { body += Array(copying: bytes.extracting(range)) }
            case .end: return true
            case .more, nil: return body.count > maximumLength
            }
        }
    }

    private var maximumAge: Int? {
        let bytes = head.bytes.span
        for line in head.fields.lines where line.name == .cacheControl {
            for directive in String(lossy: bytes.extracting(line.valueRange)).lowercased().split(
                separator: ","
            ) {
                let parts = directive.split(separator: "=", maxSplits: 1).map {
                    $0.filter { $0 != " " && $0 != "\"" }
                }
                if parts.count == 2, parts[0] == "max-age", let seconds = Int(parts[1]) {
                    return max(seconds, 0)
                }
                if parts.count == 1, parts[0] == "no-store" || parts[0] == "no-cache" { return 0 }
            }
        }
        return nil
    }
}
