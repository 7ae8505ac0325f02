// The content of a request with spans: OTLP over HTTP in JSON.

internal import Bytes
internal import Glibc
internal import JSON
internal import Transport

/// What stands around the spans (opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest).
struct ExportRequest {
    /// Name of the service.
    let serviceName: String
    /// Version of the program.
    let version: String
    /// Name of this machine, nil if it has none.
    var hostName: String? = Self.systemHostName
    /// Id of this process.
    var processID = Int(getpid())

    /// The content with the spans of `batch`.
    func content(of batch: SpanBatch) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.name("resourceSpans")
            writer.array { writer in
                writer.object { writer in
                    writer.name("resource")
                    writer.object { writer in writeResource(&writer) }
                    writer.name("scopeSpans")
                    writer.array { writer in
                        writer.object { writer in writeScope(batch, &writer) }
                    }
                }
            }
        }
        let text = writer.finish()
        return Array(copying: text.span)
    }

    private func writeResource(_ writer: inout JSONWriter) {
        writer.name("attributes")
        writer.array { writer in
            writer.attribute("service.name", serviceName)
            writer.attribute("service.version", version)
            if let hostName { writer.attribute("host.name", hostName) }
            writer.attribute("process.pid", processID)
        }
    }

    private func writeScope(_ batch: SpanBatch, _ writer: inout JSONWriter) {
        writer.name("scope")
        writer.object { writer in
            writer.member("name", "audgate")
            writer.member("version", version)
        }
        writer.name("spans")
        writer.array { writer in
            // No line end stands within a span: JSON escapes them.
            let spans = batch.lines.dropLast().map { $0 == ASCII.lineFeed ? UInt8(ascii: ",") : $0 }
            writer.raw(spans.span)
        }
    }

    /// The name that the kernel gives.
    private static var systemHostName: String? {
        guard let line = try? FileContent.read("/proc/sys/kernel/hostname", maximumBytes: 1024),
            let end = line.span.firstIndex(of: ASCII.lineFeed), end > 0
        else { return nil }
        return String(validating: line.span.extracting(..<end))
    }
}
