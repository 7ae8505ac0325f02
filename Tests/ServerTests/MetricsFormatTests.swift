// Which text format a reader gets, by what it accepts.

import Testing

@testable import Server

@Suite struct `The format of metrics` {
    @Test(arguments: [
        ("", MetricsFormat.prometheus), ("*/*", .prometheus), ("text/html", .prometheus),
        ("application/openmetrics-text", .openMetrics),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", .openMetrics),
        ("APPLICATION/OpenMetrics-Text;Version=1.0.0", .openMetrics),
        (
            "application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            .openMetrics
        ),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
                + "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;q=0.3,*/*;q=0.1",
            .openMetrics
        ),
        ("text/plain;q=0.9, application/openmetrics-text;q=0.5", .prometheus),
        ("application/openmetrics-text;q=0", .prometheus),
        ("application/openmetrics-text;q=abc", .prometheus),
        ("application/openmetrics-text;version=2.0.0", .prometheus), (";;;,,,=;q", .prometheus),
        ("application/openmetrics-text ; q=1", .openMetrics),
    ])
    func `is what the reader likes best`(_ accept: String, _ format: MetricsFormat) {
        #expect(MetricsFormat(accepting: accept) == format)
    }
}
