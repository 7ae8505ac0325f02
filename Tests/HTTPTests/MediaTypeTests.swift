// Which content is JSON in UTF-8 to every reader.

import Bytes
import HTTP
import Testing

@Suite struct MediaTypeTests {
    @Test(arguments: [
        "application/json", "Application/JSON", "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "application/json ; charset=\"utf-8\" ", "application/json; v=1; charset=utf-8",
        "application/json; profile=\"a;b\"", "application/json;v=1",
    ])
    func `takes JSON in the one encoding that it has`(_ type: String) {
        let isJSON = MediaType.isJSON(type.octets.span)
        #expect(isJSON)
    }

    /// A server that decodes by the charset would read another message than the one that was judged.
    @Test(arguments: [
        "application/json; charset=utf-7", "application/json; v=1; charset=utf-7",
        "application/json;charset =utf-7",
        "application/json;;charset=utf-7", "application/json;x=\"a;b\";charset=utf-7",
        "application/json;charset*=utf-8''utf-7", "application/json; profile=x; charset=utf-16le",
        "application/json; charset=utf-8; charset=utf-7", "application/json; charset", "application/json;",
        "application/json; =x", "application/json; x=", "application/json; x=\"a\\\"b\"",
        "application/json; x=\"a",
        "application/json; charset=utf-8 x", "application/json, text/plain", "text/json", "application/jsonp",
        "",
        "application/json; CHARSET=iso-8859-1", "application/json\u{B}; x=1",
    ])
    func `takes nothing that could be read in another encoding`(_ type: String) {
        let isJSON = MediaType.isJSON(type.octets.span)
        #expect(!isJSON)
    }
}
