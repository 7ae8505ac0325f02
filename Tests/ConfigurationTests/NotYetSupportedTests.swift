// What is missing is said to be missing.

import Testing

@Suite struct NotYetSupportedTests {
    @Test(arguments: [
        Expectation(
            "/routes/0/upstream/credentials",
            "\"assertion\" are not yet supported",
            Sample.upstream(#"{ "endpoints": ["http://a"], "credentials": §"assertion" }"#)
        ),
        Expectation(
            "/routes/0/upstream/credentials",
            "\"exchange\" are not yet supported",
            Sample.upstream(#"{ "endpoints": ["http://a"], "credentials": §"exchange" }"#)
        ),
    ])
    func `refuses what later versions bring`(_ row: Expectation) { row.expectRefusal() }
}
