// The spans of an exchange as OTLP's JSON: names, kinds, ids, times, and what does not stand there.

import Bytes
import HTTP
import JSON
import Policy
import Testing

@testable import Proxy

/// A span as it was written.
struct WrittenSpan {
    let object: JSONObject

    /// The spans of these lines.
    static func read(_ lines: [UInt8]) throws -> [WrittenSpan] {
        try lines.split(separator: ASCII.lineFeed).map { line in
            WrittenSpan(object: try #require(try JSONReader.read(Array(line).span).object))
        }
    }

    subscript(name: String) -> String? { object[name]?.string }

    var kind: Int? { object["kind"]?.number?.integer }
    var flags: Int? { object["flags"]?.number?.integer }
    var status: Int? { object["status"]?.object?["code"]?.number?.integer }

    /// The attributes, integers with a mark before them.
    var attributes: [String: String] {
        var attributes: [String: String] = [:]
        for element in object["attributes"]?.array ?? [] {
            guard let key = element.object?["key"]?.string, let value = element.object?["value"]?.object
            else {
                continue
            }
            attributes[key] = value["stringValue"]?.string ?? value["intValue"]?.string.map { "#\($0)" }
        }
        return attributes
    }
}

@Suite struct `The spans of an exchange` {
    private static let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    /// Spans of an exchange that went well, but for what `change` changes.
    private static func spans(
        upstreamStatus: Int = 200,
        endpoint: Endpoint? = Endpoint(host: "::1", port: 3001, authority: "[::1]:3001", path: "/mcp"),
        _ change: (inout AccessRecord, inout ExchangeTrace) -> Void = { _, _ in }
    ) throws -> [WrittenSpan] {
        var record = AccessRecord()
        record.requestID = RequestID(0x0102_0304_0506_0708, 0x1112_1314_1516_1719)
        record.start = 2_000_000
        record.method = .post
        record.status = 200
        record.rpcMethod = "tools/call"
        record.tool = "echo"
        record.endpoint = "[::1]:3001"
        var trace = ExchangeTrace()
        trace.clientSpan = 0xABCD
        trace.forwardedAt = 2_000_500
        change(&record, &trace)
        let spans = ExchangeSpans(
            record: record,
            trace: trace,
            resource: "https://gw.example/files",
            endpoint: endpoint,
            upstreamStatus: upstreamStatus,
            upstreamVersion: .http2,
            serverSpan: 0x55,
            spareSpan: 0x66,
            now: 3_000_007,
            epoch: 1_700_000_000_000_000
        )
        var lines = SpanLines()
        spans.append(to: &lines)
        let text = Array(copying: lines.text.span)
        #expect(lines.count == text.count { $0 == ASCII.lineFeed })
        return try WrittenSpan.read(text)
    }

    @Test func `are one for the exchange and one for the request to the server, below it`() throws {
        let spans = try Self.spans()
        #expect(spans.count == 2)
        let (server, client) = (spans[0], spans[1])
        #expect(server.kind == 2 && client.kind == 3)
        #expect(server["name"] == "tools/call echo" && client["name"] == "POST")
        for span in spans { #expect(span["traceId"] == "01020304050607081112131415161719") }
        #expect(server["spanId"] == "0000000000000055" && server["parentSpanId"] == nil)
        #expect(client["spanId"] == "000000000000abcd" && client["parentSpanId"] == "0000000000000055")
        #expect(server["startTimeUnixNano"] == "1700000002000000000")
        #expect(client["startTimeUnixNano"] == "1700000002000500000")
        for span in spans { #expect(span["endTimeUnixNano"] == "1700000003000007000") }
        for span in spans { #expect(span.status == nil && span.flags == 0x101) }
        #expect(
            server.attributes == [
                "audgate.route": "https://gw.example/files", "audgate.decision": "allow",
                "audgate.reason": "allowed", "http.request.method": "POST",
                "http.response.status_code": "#200", "network.protocol.version": "1.1",
                "mcp.method.name": "tools/call", "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": "echo",
            ]
        )
        #expect(
            client.attributes == [
                "audgate.route": "https://gw.example/files", "http.request.method": "POST",
                "http.response.status_code": "#200", "network.protocol.version": "2",
                "server.address": "::1", "server.port": "#3001",
            ]
        )
    }

    @Test func `continue what the client began, and link what else it named`() throws {
        let spans = try Self.spans { record, trace in
            trace.parent = TraceContext(text: Self.parent)
            trace.link = TraceContext(text: "00-1af7651916cd43dd8448eb211c80319c-c7ad6b7169203331-00")
        }
        #expect(spans[0]["parentSpanId"] == "b7ad6b7169203331")
        #expect(spans[0].flags == 0x301 && spans[1].flags == 0x101)
        let link = try #require(spans[0].object["links"]?.array?.first?.object)
        #expect(link["traceId"]?.string == "1af7651916cd43dd8448eb211c80319c")
        #expect(link["spanId"]?.string == "c7ad6b7169203331")
        #expect(spans[1].object["links"] == nil)
    }

    @Test func `are one alone where nothing went on`() throws {
        let spans = try Self.spans(upstreamStatus: 0, endpoint: nil) { record, trace in
            trace.forwardedAt = 0
            record.status = 401
            record.reason = .access(.audienceOtherRoute)
            record.rpcMethod = ""
            record.tool = ""
        }
        #expect(spans.count == 1)
        #expect(spans[0]["name"] == "POST")
        // A refusal is what the gateway is for, and no error of it.
        #expect(spans[0].status == nil && spans[0].attributes["error.type"] == nil)
        #expect(spans[0].attributes["audgate.reason"] == "aud_other_route")
        #expect(spans[0].attributes["audgate.decision"] == "refuse")
        #expect(spans[0].attributes["mcp.method.name"] == nil)
    }

    /// Reason, status for the client, status of the server, and the errors of both spans.
    @Test(
        arguments: [
            (Reason.access(.allowed), 500, 500, "500", "500"), (.access(.allowed), 404, 404, nil, "404"),
            (.access(.allowed), 200, 200, nil, nil),
            (.failure(.connectFailed), 502, 0, "upstream_connect_failed", "upstream_connect_failed"),
            (.failure(.upstreamUnauthorized), 502, 401, "upstream_unauthorized", "upstream_unauthorized"),
            (.failure(.upstreamAborted), 200, 200, "upstream_aborted", "upstream_aborted"),
            (.failure(.clientAborted), 499, 200, nil, nil), (.failure(.clientStalled), 200, 200, nil, nil),
            (.failure(.streamTokenExpired), 200, 200, nil, nil),
            (.access(.keysUnavailable), 503, 0, "keys_unavailable", nil),
            (.access(.insufficientScope), 403, 0, nil, nil),
        ] as [(Reason, Int, Int, String?, String?)]
    )
    func `say what went wrong, and whose fault it is`(
        _ reason: Reason,
        _ status: Int,
        _ upstreamStatus: Int,
        _ serverError: String?,
        _ clientError: String?
    ) throws {
        let spans = try Self.spans(upstreamStatus: upstreamStatus) { record, trace in
            record.reason = reason
            record.status = status
        }
        for (span, error) in zip(spans, [serverError, clientError]) {
            #expect(span.attributes["error.type"] == error)
            #expect(span.status == (error == nil ? nil : 2))
        }
        let answered = upstreamStatus == 0 ? nil : "#\(upstreamStatus)"
        #expect(spans[1].attributes["http.response.status_code"] == answered)
    }

    @Test(arguments: [
        "plain", "\"", "\\", "a\"b\\c", "\u{0}\u{1F}\n\r\t", "\u{2028}\u{FFFD}\u{10FFFF}", "}{,", "]}]}",
    ])
    func `are each one line and one JSON object whatever clients send`(_ text: String) throws {
        let spans = try Self.spans { record, trace in
            record.rpcMethod = text
            record.tool = text
            record.detail = "never told"
        }
        #expect(spans.count == 2)
        #expect(spans[0]["name"] == "\(text) \(text)")
        #expect(spans[0].attributes["mcp.method.name"] == text)
        #expect(spans[0].attributes["gen_ai.tool.name"] == text)
        #expect(!spans[0].attributes.values.contains("never told"))
    }

    @Test func `name a request without an answer, a foreign method and a Unix socket`() throws {
        let endpoint = Endpoint(host: "", port: 0, authority: "localhost", path: "/", unixPath: "/run/mcp")
        let spans = try Self.spans(upstreamStatus: 0, endpoint: endpoint) { record, trace in
            record.method = .other
            record.rpcMethod = ""
            record.tool = ""
            record.status = 0
            record.version = .http10
            trace.clientSpan = 0
        }
        #expect(spans[0]["name"] == "_OTHER" && spans[0].attributes["http.request.method"] == "_OTHER")
        #expect(spans[0].attributes["http.response.status_code"] == nil)
        #expect(spans[0].attributes["network.protocol.version"] == "1.0")
        #expect(spans[1]["spanId"] == "0000000000000066")
        #expect(spans[1].attributes["server.address"] == "/run/mcp")
        #expect(spans[1].attributes["server.port"] == nil)
        #expect(spans[1].attributes["network.protocol.version"] == nil)
    }
}

@Suite struct `A request with spans` {
    @Test func `names the service, its version, the machine and the process`() throws {
        let request = ExportRequest(serviceName: "edge \"1\"", version: "9.8", hostName: "m1", processID: 77)
        let lines = Array("{\"name\":\"a\"}\n{\"name\":\"b\"}\n".utf8)
        let content = request.content(of: SpanBatch(lines: lines, count: 2))
        let resources = try #require(try JSONReader.read(content.span).object?["resourceSpans"]?.array)
        let resource = try #require(resources.first?.object)
        let attributes = try #require(resource["resource"]?.object)
        #expect(resources.count == 1)
        #expect(
            WrittenSpan(object: attributes).attributes == [
                "service.name": "edge \"1\"", "service.version": "9.8", "host.name": "m1",
                "process.pid": "#77",
            ]
        )
        let scope = try #require(resource["scopeSpans"]?.array?.first?.object)
        #expect(scope["scope"]?.object?["name"]?.string == "audgate")
        #expect(scope["scope"]?.object?["version"]?.string == "9.8")
        #expect(scope["spans"]?.array?.map { $0.object?["name"]?.string } == ["a", "b"])
    }

    @Test func `leaves a name out that the machine does not have`() throws {
        let request = ExportRequest(serviceName: "a", version: "1", hostName: nil)
        let content = request.content(of: SpanBatch(lines: Array("{}\n".utf8), count: 1))
        #expect(!String(decoding: content, as: UTF8.self).contains("host.name"))
        #expect(ExportRequest(serviceName: "a", version: "1").hostName?.isEmpty == false)
    }
}
