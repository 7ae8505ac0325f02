// Every rule that one issuer can break alone: one row each.

import Testing

@Suite struct IssuerTests {
    @Test(arguments: [
        Expectation(
            "/issuers/corp",
            "\"issuer\" is missing",
            Sample.file(issuers: #"{ "corp": §{ "max_token_lifetime": "1h", "keys": { "file": "k" } } }"#)
        ),
        Expectation(
            "/issuers/corp/issuer",
            "Write the exact \"iss\"",
            Sample.issuer(#""issuer": §5, "keys": { "file": "k" }"#)
        ),
        Expectation(
            "/issuers/corp/issuer",
            "not an absolute URL",
            Sample.issuer(#""issuer": §"login.example.com", "keys": { "file": "k" }"#)
        ),
        Expectation(
            "/issuers/corp/issuer",
            "has a query",
            Sample.issuer(#""issuer": §"https://a/?b", "keys": { "file": "k" }"#)
        ),
        Expectation(
            "/issuers/corp/issuer",
            "has a fragment",
            Sample.issuer(#""issuer": §"https://a/#b", "keys": { "file": "k" }"#)
        ),
        Expectation(
            "/issuers/corp/issuer",
            "user name or password",
            Sample.issuer(#""issuer": §"https://u@a/", "keys": { "file": "k" }"#)
        ),
        Expectation(
            "/issuers/corp/issuer",
            "host or port",
            Sample.issuer(#""issuer": §"https://a:99999/", "keys": { "file": "k" }"#)
        ),
        Expectation(
            "/issuers/corp/issuer",
            "http issuer must be on a loopback host",
            Sample.issuer(#""issuer": §"http://a/", "keys": { "file": "k" }"#)
        ),
        Expectation(
            "/issuers/corp/keys",
            "Write \"discover\"",
            Sample.issuer(#""issuer": "https://a", "keys": §"find""#)
        ),
        Expectation(
            "/issuers/corp/keys",
            "Name exactly one",
            Sample.issuer(#""issuer": "https://a", "keys": §{}"#)
        ),
        Expectation(
            "/issuers/corp/keys",
            "Name exactly one",
            Sample.issuer(#""issuer": "https://a", "keys": §{ "file": "k", "uri": "http://127.0.0.1/k" }"#)
        ),
        Expectation(
            "/issuers/corp/keys/url",
            "Did you mean \"uri\"?",
            Sample.issuer(#""issuer": "https://a", "keys": { "file": "k", §"url": "u" }"#)
        ),
        Expectation(
            "/issuers/corp/keys/uri",
            "could be exchanged on the way",
            Sample.issuer(#""issuer": "https://a", "keys": { "uri": §"http://10.0.0.1/keys" }"#)
        ),
        Expectation(
            "/issuers/corp/keys/file",
            "not the path of a file",
            Sample.issuer(#""issuer": "https://a", "keys": { "file": §"a\u0000b" }"#)
        ),
        Expectation(
            "/issuers/corp/algorithms",
            "The list is empty",
            Sample.issuer(#"\#(Sample.issuer), "algorithms": §[]"#)
        ),
        Expectation(
            "/issuers/corp/algorithms/1",
            "HS256 is symmetric",
            Sample.issuer(#"\#(Sample.issuer), "algorithms": ["ES256", §"HS256"]"#)
        ),
        Expectation(
            "/issuers/corp/algorithms/0",
            "\"none\" is no signature",
            Sample.issuer(#"\#(Sample.issuer), "algorithms": [§"nOnE"]"#)
        ),
        Expectation(
            "/issuers/corp/algorithms/0",
            "Did you mean \"ES256\"?",
            Sample.issuer(#"\#(Sample.issuer), "algorithms": [§"es-256"]"#)
        ),
        Expectation(
            "/issuers/corp/algorithms/1",
            "stands in this list twice",
            Sample.issuer(#"\#(Sample.issuer), "algorithms": ["ES256", §"ES256"]"#)
        ),
        Expectation(
            "/issuers/corp/token_type",
            "\"at+jwt\" or \"any\"",
            Sample.issuer(#"\#(Sample.issuer), "token_type": §"JWT""#)
        ),
        Expectation(
            "/issuers/corp/clock_skew",
            "from 0ms to 5m",
            Sample.issuer(#"\#(Sample.issuer), "clock_skew": §"6m""#)
        ),
        Expectation(
            "/issuers/corp/clock_skew",
            "whole seconds",
            Sample.issuer(#"\#(Sample.issuer), "clock_skew": §"500ms""#)
        ),
        Expectation(
            "/issuers/corp/clock_skew",
            "Write a duration",
            Sample.issuer(#"\#(Sample.issuer), "clock_skew": §30"#)
        ),
        Expectation(
            "/issuers/corp/key_maximum_age",
            "from 5m to 7d",
            Sample.issuer(#"\#(Sample.issuer), "key_maximum_age": §"8d""#)
        ),
        Expectation(
            "/issuers/corp/other_audiences/0",
            "holds a wildcard",
            Sample.issuer(#"\#(Sample.issuer), "other_audiences": [§"*"]"#)
        ),
        Expectation(
            "/issuers/corp/other_audiences/0",
            "not an audience",
            Sample.issuer(#"\#(Sample.issuer), "other_audiences": [§""]"#)
        ),
        Expectation(
            "/issuers/corp/other_audiences/0",
            "not an audience",
            Sample.issuer(#"\#(Sample.issuer), "other_audiences": [§"\u212A"]"#)
        ),
    ])
    func `refuses a wrong issuer`(_ row: Expectation) { row.expectRefusal() }
}
