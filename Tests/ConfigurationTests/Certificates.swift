// Certificates, keys and what belongs to them, made with the openssl program; nothing but these tests uses them.

import Bytes
import Configuration

/// Texts of files. The authority signed everything; certificates are valid from 2020-01-01 to 2100-01-01.
enum Certificates {
    /// The authority's own certificate.
    static let authority = """
        -----BEGIN CERTIFICATE-----
        MIIBYzCCAQmgAwIBAgIBEDAKBggqhkjOPQQDAjAYMRYwFAYDVQQDDA1hdWRnYXRl
        IHRlc3RzMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAYMRYwFAYD
        VQQDDA1hdWRnYXRlIHRlc3RzMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEwTjU
        QIfqAakpCj71yh8h0Bb7wDoUV/sD4PavX+SPNPC/MrObfj52o72EE1A4aUKVjJ2m
        WvMoS8h998VKrn3x1qNCMEAwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMC
        AYYwHQYDVR0OBBYEFBvtpZxc6TyXyEiLTg8Bdi+IclUXMAoGCCqGSM49BAMCA0gA
        MEUCIFHvav55rD780LtrW3+FF8yib4DSigL2wXAiBG7PgYP5AiEA6dVUBHK8icFd
        ++TT3lM2BMIwY6K/f+WWu4eCwEjMmqQ=
        -----END CERTIFICATE-----
        """

    /// For mcp.example.com, *.apps.example.com, 192.0.2.1 and ::1.
    static let gateway = """
        -----BEGIN CERTIFICATE-----
        MIIBszCCAVigAwIBAgIBETAKBggqhkjOPQQDAjAYMRYwFAYDVQQDDA1hdWRnYXRl
        IHRlc3RzMCAXDTIwMDEwMTAwMDAwMFoYDzIxMDAwMTAxMDAwMDAwWjAPMQ0wCwYD
        VQQDDARsZWFmMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEWRHQWSqmNPXBC5c
        ApwDIw88K4aPQDH10JRzjVeVpfNO5GyzzmYob/3mCO8nPGDxtNUmT+SFBKLfjoeY
        9emfGaOBmTCBljAMBgNVHRMBAf8EAjAAMEYGA1UdEQQ/MD2CD21jcC5leGFtcGxl
        LmNvbYISKi5BcHBzLmV4YW1wbGUuY29thwTAAAIBhxAAAAAAAAAAAAAAAAAAAAAB
        MB8GA1UdIwQYMBaAFBvtpZxc6TyXyEiLTg8Bdi+IclUXMB0GA1UdDgQWBBRUP+/c
        32rUPOM0sbBXWDnHxJ8Z+TAKBggqhkjOPQQDAgNJADBGAiEA3WJvFZ0fmOQ6lKYc
        3T8kJu79c6J+LFT730oBJLtP0YYCIQC60RqXBqUCaUyn++fU768UxjAwwwsr6vt6
        0qcRGBkBjA==
        -----END CERTIFICATE-----
        """

    /// Its key.
    static let gatewayKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgKgIIWr6eSYs3+oaE
        bqeJKf5CuDKzbCkTQVgPd8mWeNGhRANCAAQRZEdBZKqY09cELlwCnAMjDzwrho9A
        MfXQlHONV5Wl807kbLPOZihv/eYI7yc8YPG01SZP5IUEot+Oh5j16Z8Z
        -----END PRIVATE KEY-----
        """

    /// The same key behind a passphrase.
    static let encryptedKey = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAg4Ps0+Mn8KmgICCAAw
        DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEAHzpdCs+8wUio+1U5HwR5MEgZDb
        eRyM2XNPVggwIv4sB9Fl1Qpc82bXtuxmATf3x8G+eTZxt4gO056TDut3wdB1Rhrb
        1xl6OyaXjLOUCcuAQz1oqZKac7fhwCAt0wV57G5/22fgBwDCFRVrF3VOEnbWccMw
        /d0BQrJw6Rk7aveqWyxPfzNOExGgfdz+Kw+DChMnWfY5sNA/CscTmiD82ZFgyqQ=
        -----END ENCRYPTED PRIVATE KEY-----
        """

    /// For other.example.com.
    static let other = """
        -----BEGIN CERTIFICATE-----
        MIIBhzCCAS2gAwIBAgIBEjAKBggqhkjOPQQDAjAYMRYwFAYDVQQDDA1hdWRnYXRl
        IHRlc3RzMCAXDTIwMDEwMTAwMDAwMFoYDzIxMDAwMTAxMDAwMDAwWjAQMQ4wDAYD
        VQQDDAVvdGhlcjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABAGzAQ6h8zi7+9vh
        nNgx/hDEYWLlh+Xf9PML3bb38DUfHjUcFk8if7DdLJtK0CS7u7xZZYGKzx52jTHL
        uQeSxaajbjBsMAwGA1UdEwEB/wQCMAAwHAYDVR0RBBUwE4IRb3RoZXIuZXhhbXBs
        ZS5jb20wHwYDVR0jBBgwFoAUG+2lnFzpPJfISItODwF2L4hyVRcwHQYDVR0OBBYE
        FMfaKvZYHvc8FTsiMZLy7eG2XXrzMAoGCCqGSM49BAMCA0gAMEUCIQDaYp3Drepq
        wDzZFMyvbrRqO18Ffn7STnfPf5WCPd5p3gIgHoFO7E/LyXOosUNF2neILvk89ySw
        JyoDr+HUsU4ZUwM=
        -----END CERTIFICATE-----
        """

    /// Its key.
    static let otherKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgQxMhkLXjBDQaSZfA
        mmLEfxxSMtvAmXj7j+lF3ghE47ehRANCAAQBswEOofM4u/vb4ZzYMf4QxGFi5Yfl
        3/TzC9229/A1Hx41HBZPIn+w3SybStAku7u8WWWBis8edo0xy7kHksWm
        -----END PRIVATE KEY-----
        """

    /// Without any name, as clients have it.
    static let client = """
        -----BEGIN CERTIFICATE-----
        MIIBfzCCASWgAwIBAgIBEzAKBggqhkjOPQQDAjAYMRYwFAYDVQQDDA1hdWRnYXRl
        IHRlc3RzMCAXDTIwMDEwMTAwMDAwMFoYDzIxMDAwMTAxMDAwMDAwWjARMQ8wDQYD
        VQQDDAZjbGllbnQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARbcEpTWsTSb5sd
        qJKKWrNLFd9R1PffIYZqJLpc3zrYFc+PhWPFAMRmFYOegnP6GVf+i+81kHtVqbiA
        PJVmuDP8o2UwYzAMBgNVHRMBAf8EAjAAMBMGA1UdJQQMMAoGCCsGAQUFBwMCMB8G
        A1UdIwQYMBaAFBvtpZxc6TyXyEiLTg8Bdi+IclUXMB0GA1UdDgQWBBSpVGHmLCa3
        ficEkX0YXfOI/GgwyDAKBggqhkjOPQQDAgNIADBFAiAmk6rDDBEHEkloMDwN+fOj
        gBNZlGJO2S+FSzNGTHqxMAIhALogj85hoUFx9dqv1NqbM/pWgkpT0gMEtB/RpQrU
        367K
        -----END CERTIFICATE-----
        """

    /// Its key.
    static let clientKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgPa/H7RsiIEvCk1+W
        oA54nTGT2tQ+vZ18kbetAW5vG5qhRANCAARbcEpTWsTSb5sdqJKKWrNLFd9R1Pff
        IYZqJLpc3zrYFc+PhWPFAMRmFYOegnP6GVf+i+81kHtVqbiAPJVmuDP8
        -----END PRIVATE KEY-----
        """

    /// The authority's revocation list.
    static let revocations = """
        -----BEGIN X509 CRL-----
        MIGwMFkCAQEwCgYIKoZIzj0EAwIwGDEWMBQGA1UEAwwNYXVkZ2F0ZSB0ZXN0cxcN
        MjYxMTIxMTYzNzM0WhgPMjEwOTAxMTAxNjM3MzRaoA4wDDAKBgNVHRQEAwIBAjAK
        BggqhkjOPQQDAgNHADBEAiAXZkuiBNSafB3L4MpGh9qhTEw1IKx8OMkeVHDfSsoT
        tgIgP6VsB6kt7P/vC+4ctXnJAaqqpUVj4JCdtAvf1FLE7PA=
        -----END X509 CRL-----
        """

    /// With an RSA key of 1024 bits.
    static let weak = """
        -----BEGIN CERTIFICATE-----
        MIICGTCCAYKgAwIBAgIUfQf8J5CWHmyw2zPD0+m9ikK+YR8wDQYJKoZIhvcNAQEL
        BQAwDzENMAsGA1UEAwwEd2VhazAgFw0yNjExMjExNjM3MTFaGA8yMTA5MDExMDE2
        MzcxMVowDzENMAsGA1UEAwwEd2VhazCBnzANBgkqhkiG9w0BAQEFAAOBjQAwgYkC
        gYEAv/TXpJaH1EcBUR3xdLjL9fo3u2roIopr7LScZGydVaAEHDzEarvKvYwJac9L
        +/u2A+0yZGGCo01OhbWXUjxAfvmYIoDlJyNfqug61CHJrf156mCbm/tIbihIhk1N
        s0EN+V7LbbsBZNzzBPcX7YN13OI046nKxxMElfmJGyWjaDUCAwEAAaNwMG4wHQYD
        VR0OBBYEFH/Uiv/0htGQPfnt1kMP83YoI2FiMB8GA1UdIwQYMBaAFH/Uiv/0htGQ
        Pfnt1kMP83YoI2FiMA8GA1UdEwEB/wQFMAMBAf8wGwYDVR0RBBQwEoIQd2Vhay5l
        eGFtcGxlLmNvbTANBgkqhkiG9w0BAQsFAAOBgQAsCJHnqUj8ubY+QICXCUfZLyG7
        Fm/VbVBbcLiGgjEg8F0EloIceE70uPQo+/kdz/C7Ip7UtA4O87JDfesWAuhcthUK
        PAMLT7t4hO8WHK41DPQUoJCLHSQSwvRZ8S8HfU9tcYlPgb+tC2o10aueTCwT7eT1
        o4/Fma8Az75El0oKKA==
        -----END CERTIFICATE-----
        """

    /// Its key.
    static let weakKey = """
        -----BEGIN PRIVATE KEY-----
        MIICdwIBADANBgkqhkiG9w0BAQEFAASCAmEwggJdAgEAAoGBAL/016SWh9RHAVEd
        8XS4y/X6N7tq6CKKa+y0nGRsnVWgBBw8xGq7yr2MCWnPS/v7tgPtMmRhgqNNToW1
        l1I8QH75mCKA5ScjX6roOtQhya39eepgm5v7SG4oSIZNTbNBDfley227AWTc8wT3
        F+2DddziNOOpyscTBJX5iRslo2g1AgMBAAECgYEAsmXu9DwiSJslEipt+Ti19gly
        OnCFBXT4EKlan8qB/s4Ug9nGAhw9tCOtq/TIfYvWAZg0uS4Wp4Z1b7bwx7DPjpK8
        +W9BCQzY7Fj1ivqlZ/zWw7gUHyIfC8nhD4O1EL749nthHBPAdYr5sU93hZdBzEuc
        n2iH0m28TQcRwidIzwECQQD90rex9Ondzu1SNk4I4jVhoZrjoYT3OOETigXGz9LZ
        VScoXOHUfHW5d9GlLUsVjfEsuNUIO+KpaxrZR8z4ABWlAkEAwZpLCEH++XcDSBoP
        gMB0pgE6qaXQPmPbQQp0MuHKMi9B3HzwpxFPl8IHfFBCkjB3qjdvBxLfaafCfyG1
        xVsjUQJAEc7U4IFkXxGDiP8SXoEwaZci/NF6OLYe5HYMjbRLAMB+rNBHb9cDk22a
        odIZsHty7kZRe/BnqKdBDPmCoeuvmQJAYLhZhd2aqTyI2iuS1SrQ2+I/UWOyPoka
        j0rOtGDS5/FuAN42R/DBB7r6jGN4bppiHhqlkC4giSMzatoHenpGkQJBAOHAoOFl
        W50Fv6Nb/HwnrOC9V5MByUBrZiv3ULDF5Q2q5HV9Itfa7znDIouR2J2+6CGZ7Ukg
        we+MnXF/+1870tQ=
        -----END PRIVATE KEY-----
        """

    /// OCSP response for the gateway's certificate in base64url; it expires in 2098.
    static let staple =
        "MIIBBwoBAKCCAQAwgf0GCSsGAQUFBzABAQSB7zCB7DCBk6EaMBgxFjAUBgNVBAMMDWF1ZGdhdGUgdGVz"
        + "dHMYDzIwMjYxMTIxMTYzNzM0WjBkMGIwOjAJBgUrDgMCGgUABBTgXs9hy13xr4TMwbhGUjfl05M6FAQU"
        + "G-2lnFzpPJfISItODwF2L4hyVRcCARGAABgPMjAyNjExMjExNjM3MzRaoBEYDzIwOTgwMTI3MTYzNzM0"
        + "WjAKBggqhkjOPQQDAgNIADBFAiBrTSNbA_QENnWFQjK-lfO5UgS_fGe0Z1bY8bvMlSvTqQIhANbf5FYO"
        + "rwJOhJqGBhB9lS42YYIL9hmbOII2XjC73O2p"

    /// OCSP response for the other certificate.
    static let otherStaple =
        "MIIBBwoBAKCCAQAwgf0GCSsGAQUFBzABAQSB7zCB7DCBk6EaMBgxFjAUBgNVBAMMDWF1ZGdhdGUgdGVz"
        + "dHMYDzIwMjYxMTIxMTYzNzM0WjBkMGIwOjAJBgUrDgMCGgUABBTgXs9hy13xr4TMwbhGUjfl05M6FAQU"
        + "G-2lnFzpPJfISItODwF2L4hyVRcCARKAABgPMjAyNjExMjExNjM3MzRaoBEYDzIwOTgwMTI3MTYzNzM0"
        + "WjAKBggqhkjOPQQDAgNIADBFAiA_51cPBCDiNVcQ8QeOm5B2_-9GKlmAHrusbJoBY5kOhwIhAKrlAXaT"
        + "Pi0ZoMfOvq5rxmdCpp3B-wxNA6IFm3HaUocO"

    /// The texts by the names of their files.
    static let files: [String: [UInt8]] = [
        "ca.pem": Array(authority.utf8), "gateway.pem": Array(gateway.utf8),
        "gateway.key": Array(gatewayKey.utf8),
        "encrypted.key": Array(encryptedKey.utf8), "other.pem": Array(other.utf8),
        "other.key": Array(otherKey.utf8), "client.pem": Array(client.utf8),
        "client.key": Array(clientKey.utf8),
        "crl.pem": Array(revocations.utf8), "weak.pem": Array(weak.utf8), "weak.key": Array(weakKey.utf8),
        "gateway.ocsp": octets(staple), "other.ocsp": octets(otherStaple), "empty": [],
        "chain.pem": Array("\(gateway)\n\(authority)\n".utf8), "text": Array("Nothing of the kind.".utf8),
    ]

    private static func octets(_ text: String) -> [UInt8] {
        Base64URL.decode(text) ?? []
    }
}
