// Signatures that come close, made with the Python package cryptography 50.0.2: the real private key where it says
// so, the wrong padding, salt, hash, form or range.

extension JWSVector {
    /// Each must be refused as `signature_invalid`.
    static let wrongSignatures: [JWSVector] = [
        JWSVector(
            name: "PSS with a salt of 20 bytes",
            key: """
                {"kty":"RSA","kid":"k","n":"667XiKOcEBwKl94Xwixhrqb3BCga7bp1Q9KmciAuOcY8U0p4P5wR9I_b\
                tYnMaHuKW7vdcvridmb6pH-DRWkiA9yYUmQPedAoTafsHyTQQnL4Tw5wGBbskSjOHXSr-B7O_Pr7wFOsMHjX\
                j_cL933gZ_VDsaWsOTrGhFYDttzAjmjrmmGjsYCRXzOfL_v0zAyNtPoyByx100aB1or8xXzgEvJGOFXXuubO\
                qC9B1cVUu6L7ShIwtLnTo-_YW8RcHZJXQjOIPUXksFPb6Z6ALFIvFdlNL7RseCG2aKC_xeX25_96l6LCC7N6\
                iVMlBkSPEpz70kSFawFy57em1Stqm16e_w","e":"AQAB"}
                """,
            jws: """
                eyJhbGciOiJQUzI1NiIsImtpZCI6ImsifQ.eyJieSI6ImNyeXB0b2dyYXBoeSJ9.JsoCKyMzd6fdF19rGPtH\
                lqZMHeDRJIAXA-iJ4qwAlPlA46HPi8B_s6JVxHATZKTl41ShWRkrshNCJaccntCs6KgOXnKno0x65Rw9IGZh\
                Q5_eLf9Fn_xkkdGQJ4DWPGmLBWyYsSmWAmTMNu5X59CzziwKIHsZ3dPESBM74yU-SJT09Xz-wYtooRW4SWaN\
                WtMTBnTFiSS-HdkpEaRGDkj24qrhV27F1Qx60Ok5zsF5t3V82Hxpqy2mny7OViCNOvfiTqP_uofqRyw6hJAL\
                dzmyRkF2-H0m81OBrNJL_0P2LKGmGRM_uT7EjOEXHKsJhtd6s2_qFOKe7gXNukZrxtmeVw
                """
        ),
        JWSVector(
            name: "PSS with the longest salt",
            key: """
                {"kty":"RSA","kid":"k","n":"667XiKOcEBwKl94Xwixhrqb3BCga7bp1Q9KmciAuOcY8U0p4P5wR9I_b\
                tYnMaHuKW7vdcvridmb6pH-DRWkiA9yYUmQPedAoTafsHyTQQnL4Tw5wGBbskSjOHXSr-B7O_Pr7wFOsMHjX\
                j_cL933gZ_VDsaWsOTrGhFYDttzAjmjrmmGjsYCRXzOfL_v0zAyNtPoyByx100aB1or8xXzgEvJGOFXXuubO\
                qC9B1cVUu6L7ShIwtLnTo-_YW8RcHZJXQjOIPUXksFPb6Z6ALFIvFdlNL7RseCG2aKC_xeX25_96l6LCC7N6\
                iVMlBkSPEpz70kSFawFy57em1Stqm16e_w","e":"AQAB"}
                """,
            jws: """
                eyJhbGciOiJQUzI1NiIsImtpZCI6ImsifQ.eyJieSI6ImNyeXB0b2dyYXBoeSJ9.jj7El64F6jJc16hF2r8u\
                SZXK7-Xw0Dc9Hi3aD631DGXv6rfXUZ9CJfaWmIlcSRJg-ysCQ2LYFHy08R5HH6w3D0r1foBfwmQ5rGiTb8Iq\
                j-Z5X5f9s6GN0bL9G5pVBtsvjfOh0tnP1D5VDTIKo6tUXCt77C5B2bKDK2C8uPya7bzsacxHobMspX1tOzbp\
                qcEuceO5f_YCsn6NUIMJLgBZxvtPcpt6H3cPEtxLwQdeTZe-5Y6icLDxFzb8EDburSycWLoSZTW95FTp5mPt\
                2PU4NX6hJiMdoTLH9WDUk9RX-_rGtWsukbVJlCy_MU0gF5gdDxLUAWw55-cXgCFsUu6mBg
                """
        ),
        JWSVector(
            name: "PSS without salt",
            key: """
                {"kty":"RSA","kid":"k","n":"667XiKOcEBwKl94Xwixhrqb3BCga7bp1Q9KmciAuOcY8U0p4P5wR9I_b\
                tYnMaHuKW7vdcvridmb6pH-DRWkiA9yYUmQPedAoTafsHyTQQnL4Tw5wGBbskSjOHXSr-B7O_Pr7wFOsMHjX\
                j_cL933gZ_VDsaWsOTrGhFYDttzAjmjrmmGjsYCRXzOfL_v0zAyNtPoyByx100aB1or8xXzgEvJGOFXXuubO\
                qC9B1cVUu6L7ShIwtLnTo-_YW8RcHZJXQjOIPUXksFPb6Z6ALFIvFdlNL7RseCG2aKC_xeX25_96l6LCC7N6\
                iVMlBkSPEpz70kSFawFy57em1Stqm16e_w","e":"AQAB"}
                """,
            jws: """
                eyJhbGciOiJQUzI1NiIsImtpZCI6ImsifQ.eyJieSI6ImNyeXB0b2dyYXBoeSJ9.Bd5J0oQ4T8QgFajjm0p8\
                _h3wkISSztBhcfXoR6YVSSK83xV953EpcDgVjNKLqlRpAuaKFZ4UBhHzXUDswS2mmo2WYfPXnZQG3PHUd8OW\
                bLa99jaeuqMt6lMpne3jWQWCRCUqPkDVKuTX9Op-EtoyMfmFuIv3_ow6TBqs14H1ToyjGG1nUTMMYj25qkLM\
                aM6POCuno45qFy929iBVyDErvvEa89_B0dB644QNLgj23d4U3cqZ_au0BYV_Lu4xGm_yVbtLDQLCoijS2aKk\
                WyJRmzRjrnszRCJQUrDHDlLxBWUsNV1Civusx-0A9TJXk5H1oQ67TgUjz-UZu04Diay5Fg
                """
        ),
        JWSVector(
            name: "PSS with SHA-1 in MGF1",
            key: """
                {"kty":"RSA","kid":"k","n":"667XiKOcEBwKl94Xwixhrqb3BCga7bp1Q9KmciAuOcY8U0p4P5wR9I_b\
                tYnMaHuKW7vdcvridmb6pH-DRWkiA9yYUmQPedAoTafsHyTQQnL4Tw5wGBbskSjOHXSr-B7O_Pr7wFOsMHjX\
                j_cL933gZ_VDsaWsOTrGhFYDttzAjmjrmmGjsYCRXzOfL_v0zAyNtPoyByx100aB1or8xXzgEvJGOFXXuubO\
                qC9B1cVUu6L7ShIwtLnTo-_YW8RcHZJXQjOIPUXksFPb6Z6ALFIvFdlNL7RseCG2aKC_xeX25_96l6LCC7N6\
                iVMlBkSPEpz70kSFawFy57em1Stqm16e_w","e":"AQAB"}
                """,
            jws: """
                eyJhbGciOiJQUzI1NiIsImtpZCI6ImsifQ.eyJieSI6ImNyeXB0b2dyYXBoeSJ9.5b2Iya7E-xTge0f38g8a\
                pgoAoUGhkeeGj0vV578hVb9x2QpEuGcXEVgmVVb6ze20Dj4geYZjMvFv7QRkmPZhP5pV4GmESNspvVJcGIDf\
                mBQuf7u9SaRgBZL4k08QhaBCBeEuvkKQa7SExfWCTnKr2TyYdkJKYMiuaSO56TfZ8jFN37qTf1pRhQPelGBL\
                HC0Wc9fZyhwmRp9fJ-aW_x9us22rqezQfA5z6DUjNfHcD_ds-kPs5EREX2PMUwIMO8yqFjJiuC-qiWIPs4Fj\
                j7vCKimdp4Bj5I7RZo_gLE0TAHtr1H-CG4T2t3tPTIHa7q6p7w-EK6tbf1kKoba-L-o2-A
                """
        ),
        JWSVector(
            name: "PKCS 1 v1.5 called PS256",
            key: """
                {"kty":"RSA","kid":"k","n":"667XiKOcEBwKl94Xwixhrqb3BCga7bp1Q9KmciAuOcY8U0p4P5wR9I_b\
                tYnMaHuKW7vdcvridmb6pH-DRWkiA9yYUmQPedAoTafsHyTQQnL4Tw5wGBbskSjOHXSr-B7O_Pr7wFOsMHjX\
                j_cL933gZ_VDsaWsOTrGhFYDttzAjmjrmmGjsYCRXzOfL_v0zAyNtPoyByx100aB1or8xXzgEvJGOFXXuubO\
                qC9B1cVUu6L7ShIwtLnTo-_YW8RcHZJXQjOIPUXksFPb6Z6ALFIvFdlNL7RseCG2aKC_xeX25_96l6LCC7N6\
                iVMlBkSPEpz70kSFawFy57em1Stqm16e_w","e":"AQAB"}
                """,
            jws: """
                eyJhbGciOiJQUzI1NiIsImtpZCI6ImsifQ.eyJieSI6ImNyeXB0b2dyYXBoeSJ9.K82bNxvwH86bHOF_6NY0\
                O49248IiqTiF-xloznkPqDa8Pvd98xSQdwBN02k-jVq8LyyXzD2khTCl-CgKPWdQC_PxStmPEm1zdkseuo4R\
                ozwtv836usExA1HH4F9rDTCmb73nTEzck6UjTO0VCNaKm-ArAq2n-1VgESCDHmSW_LIOKzPRBBTTiQou1lP3\
                ZwTJYrhFqBOWASIGoL8I1uIKxd1ATXsGQGEg-eDL00JMM1SmZ2_8-ydJ2AjCArv8rM_0RAoAz6KE6lQEt59o\
                BFWPurCwCsWQ-_6HCJtNEuBv101LK3rqy11sFKimZBIf25nV3uZNB5rQdC2hiN5pFC5uRw
                """
        ),
        JWSVector(
            name: "PSS called RS256",
            key: """
                {"kty":"RSA","kid":"k","n":"667XiKOcEBwKl94Xwixhrqb3BCga7bp1Q9KmciAuOcY8U0p4P5wR9I_b\
                tYnMaHuKW7vdcvridmb6pH-DRWkiA9yYUmQPedAoTafsHyTQQnL4Tw5wGBbskSjOHXSr-B7O_Pr7wFOsMHjX\
                j_cL933gZ_VDsaWsOTrGhFYDttzAjmjrmmGjsYCRXzOfL_v0zAyNtPoyByx100aB1or8xXzgEvJGOFXXuubO\
                qC9B1cVUu6L7ShIwtLnTo-_YW8RcHZJXQjOIPUXksFPb6Z6ALFIvFdlNL7RseCG2aKC_xeX25_96l6LCC7N6\
                iVMlBkSPEpz70kSFawFy57em1Stqm16e_w","e":"AQAB"}
                """,
            jws: """
                eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.eyJieSI6ImNyeXB0b2dyYXBoeSJ9.WTtQna5yw3bpPxyWdf5s\
                eJguacArI6Lz-MiOkBFRXU8PBQwWQb-_iUqK0mbzUMmFZSDP9uwey4_d9xsHeVzvuC-A8MeY_hBuwrd5BOak\
                1pUuFVaasXfd9NifKSoPZWJf_RJyREKQSViX0vCtdgDMw2jBPXMs1DuRGrYRNGSOCrW1jhG0nh1opBS3K_X1\
                1kZVYbpumBy3tvOEB-_5UHqR2eotxS6tZWnXEpfKrCPYELUSGimPbKeGg_ULReQvkR_9x0pDD3AP9QV7PSGL\
                _4tUMMVeL8vO8m2e_iYQ5ScbnHlv0jqD9Z30qyAkUwUrxNADZtAlumfVMJHXIn1_8c_BjA
                """
        ),
        JWSVector(
            name: "RS512 called RS256",
            key: """
                {"kty":"RSA","kid":"k","n":"667XiKOcEBwKl94Xwixhrqb3BCga7bp1Q9KmciAuOcY8U0p4P5wR9I_b\
                tYnMaHuKW7vdcvridmb6pH-DRWkiA9yYUmQPedAoTafsHyTQQnL4Tw5wGBbskSjOHXSr-B7O_Pr7wFOsMHjX\
                j_cL933gZ_VDsaWsOTrGhFYDttzAjmjrmmGjsYCRXzOfL_v0zAyNtPoyByx100aB1or8xXzgEvJGOFXXuubO\
                qC9B1cVUu6L7ShIwtLnTo-_YW8RcHZJXQjOIPUXksFPb6Z6ALFIvFdlNL7RseCG2aKC_xeX25_96l6LCC7N6\
                iVMlBkSPEpz70kSFawFy57em1Stqm16e_w","e":"AQAB"}
                """,
            jws: """
                eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.eyJieSI6ImNyeXB0b2dyYXBoeSJ9.v_DNQjwlktrnvc0fD_NR\
                hjm0IxI8vWGCcSSGv7QuYBNzOzMSmcJ5qyNNt8TALZmPfZvEDFOL8ZTlNJDt7Ht4eFect5yME1rp2lCAF5Sz\
                SM-gjrTodJcNCTcMGSaLoMeSfdlWKjBzfkEGs6dYeluUMpuG9TPxcemxDTQW1GNA515y0P1S4SCHny3xSybt\
                3W0iGIhlHft6ZSKkQ8ZqNLvmYq4emlIbz3iLulzfGT8u5l3MQyO9yIpmMbwWE0JohBFTJ0-dG5kB8L8WYSBZ\
                cbyimM83yddFnuDP_OWkIDDkbQf-Yc6sSukqy8ziO_B3rmC2bsVzPsmo0J_Dl5OA7aoIFw
                """
        ),
        JWSVector(
            name: "ECDSA in DER",
            key: """
                {"kty":"EC","kid":"k","alg":"ES256","crv":"P-256","x":"cUj6LQrdcYK2QQHATSA4pgC58tCIs\
                H_5ZR0AWvAK-v8","y":"tBTuBVM0gYiGJDmByO3c2iNWpNrrKAVzX6DkhU7ty2Y"}
                """,
            jws: """
                eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.eyJieSI6ImNyeXB0b2dyYXBoeSJ9.MEYCIQCaSZTf42Zj3cV7\
                rVt2hD0TdbHcieGE69s9HKHGQWuguAIhAJ0d7n0J4uYPxyXm7pj4ZBJW9ek6p_VXui79KX9KIJCu
                """
        ),
        JWSVector(
            name: "r of zero",
            key: """
                {"kty":"EC","kid":"k","alg":"ES256","crv":"P-256","x":"cUj6LQrdcYK2QQHATSA4pgC58tCIs\
                H_5ZR0AWvAK-v8","y":"tBTuBVM0gYiGJDmByO3c2iNWpNrrKAVzX6DkhU7ty2Y"}
                """,
            jws: """
                eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.eyJieSI6ImNyeXB0b2dyYXBoeSJ9.AAAAAAAAAAAAAAAAAAAA\
                AAAAAAAAAAAAAAAAAAAAAACdHe59CeLmD8cl5u6Y-GQSVvXpOqf1V7ou_Sl_SiCQrg
                """
        ),
        JWSVector(
            name: "s of zero",
            key: """
                {"kty":"EC","kid":"k","alg":"ES256","crv":"P-256","x":"cUj6LQrdcYK2QQHATSA4pgC58tCIs\
                H_5ZR0AWvAK-v8","y":"tBTuBVM0gYiGJDmByO3c2iNWpNrrKAVzX6DkhU7ty2Y"}
                """,
            jws: """
                eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.eyJieSI6ImNyeXB0b2dyYXBoeSJ9.mkmU3-NmY93Fe61bdoQ9\
                E3Wx3InhhOvbPRyhxkFroLgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
                """
        ),
        JWSVector(
            name: "r and s of zero",
            key: """
                {"kty":"EC","kid":"k","alg":"ES256","crv":"P-256","x":"cUj6LQrdcYK2QQHATSA4pgC58tCIs\
                H_5ZR0AWvAK-v8","y":"tBTuBVM0gYiGJDmByO3c2iNWpNrrKAVzX6DkhU7ty2Y"}
                """,
            jws: """
                eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.eyJieSI6ImNyeXB0b2dyYXBoeSJ9.AAAAAAAAAAAAAAAAAAAA\
                AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
                """
        ),
        JWSVector(
            name: "r and s of n",
            key: """
                {"kty":"EC","kid":"k","alg":"ES256","crv":"P-256","x":"cUj6LQrdcYK2QQHATSA4pgC58tCIs\
                H_5ZR0AWvAK-v8","y":"tBTuBVM0gYiGJDmByO3c2iNWpNrrKAVzX6DkhU7ty2Y"}
                """,
            jws: """
                eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.eyJieSI6ImNyeXB0b2dyYXBoeSJ9._____wAAAAD_________\
                _7zm-q2nF56E87nKwvxjJVH_____AAAAAP__________vOb6racXnoTzucrC_GMlUQ
                """
        ),
        JWSVector(
            name: "r of n, s of one",
            key: """
                {"kty":"EC","kid":"k","alg":"ES256","crv":"P-256","x":"cUj6LQrdcYK2QQHATSA4pgC58tCIs\
                H_5ZR0AWvAK-v8","y":"tBTuBVM0gYiGJDmByO3c2iNWpNrrKAVzX6DkhU7ty2Y"}
                """,
            jws: """
                eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.eyJieSI6ImNyeXB0b2dyYXBoeSJ9._____wAAAAD_________\
                _7zm-q2nF56E87nKwvxjJVEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQ
                """
        ),
        JWSVector(
            name: "halves of 33 bytes",
            key: """
                {"kty":"EC","kid":"k","alg":"ES256","crv":"P-256","x":"cUj6LQrdcYK2QQHATSA4pgC58tCIs\
                H_5ZR0AWvAK-v8","y":"tBTuBVM0gYiGJDmByO3c2iNWpNrrKAVzX6DkhU7ty2Y"}
                """,
            jws: """
                eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.eyJieSI6ImNyeXB0b2dyYXBoeSJ9.AJpJlN_jZmPdxXutW3aE\
                PRN1sdyJ4YTr2z0cocZBa6C4AJ0d7n0J4uYPxyXm7pj4ZBJW9ek6p_VXui79KX9KIJCu
                """
        ),
        JWSVector(
            name: "a byte too many",
            key: """
                {"kty":"EC","kid":"k","alg":"ES256","crv":"P-256","x":"cUj6LQrdcYK2QQHATSA4pgC58tCIs\
                H_5ZR0AWvAK-v8","y":"tBTuBVM0gYiGJDmByO3c2iNWpNrrKAVzX6DkhU7ty2Y"}
                """,
            jws: """
                eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.eyJieSI6ImNyeXB0b2dyYXBoeSJ9.mkmU3-NmY93Fe61bdoQ9\
                E3Wx3InhhOvbPRyhxkFroLidHe59CeLmD8cl5u6Y-GQSVvXpOqf1V7ou_Sl_SiCQrgA
                """
        ),
        JWSVector(
            name: "a byte too few",
            key: """
                {"kty":"EC","kid":"k","alg":"ES256","crv":"P-256","x":"cUj6LQrdcYK2QQHATSA4pgC58tCIs\
                H_5ZR0AWvAK-v8","y":"tBTuBVM0gYiGJDmByO3c2iNWpNrrKAVzX6DkhU7ty2Y"}
                """,
            jws: """
                eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.eyJieSI6ImNyeXB0b2dyYXBoeSJ9.mkmU3-NmY93Fe61bdoQ9\
                E3Wx3InhhOvbPRyhxkFroLidHe59CeLmD8cl5u6Y-GQSVvXpOqf1V7ou_Sl_SiCQ
                """
        ),
        JWSVector(
            name: "no signature",
            key: """
                {"kty":"EC","kid":"k","alg":"ES256","crv":"P-256","x":"cUj6LQrdcYK2QQHATSA4pgC58tCIs\
                H_5ZR0AWvAK-v8","y":"tBTuBVM0gYiGJDmByO3c2iNWpNrrKAVzX6DkhU7ty2Y"}
                """,
            jws: """
                eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.eyJieSI6ImNyeXB0b2dyYXBoeSJ9.
                """
        ),
        JWSVector(
            name: "Ed25519 with s above the order",
            key: """
                {"kty":"OKP","kid":"k","alg":"Ed25519","crv":"Ed25519","x":"ucVE4g3IB8XjzfpND8O93DWL\
                PTbEYuv1Qt1ypXK87rk"}
                """,
            jws: """
                eyJhbGciOiJFZDI1NTE5Iiwia2lkIjoiayJ9.eyJieSI6ImNyeXB0b2dyYXBoeSJ9.uUcPrSvuM8aT9Uz3u9\
                8sCkdrGzwUEev8K98bSsrCwsGJ44053bCrjpbvAdE1V90F-esNGrdOut0xWnrOgYD4Fw
                """
        ),
        JWSVector(
            name: "Ed25519 of all zeros",
            key: """
                {"kty":"OKP","kid":"k","alg":"Ed25519","crv":"Ed25519","x":"ucVE4g3IB8XjzfpND8O93DWL\
                PTbEYuv1Qt1ypXK87rk"}
                """,
            jws: """
                eyJhbGciOiJFZDI1NTE5Iiwia2lkIjoiayJ9.eyJieSI6ImNyeXB0b2dyYXBoeSJ9.AAAAAAAAAAAAAAAAAA\
                AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
                """
        ),
    ]

    /// HMACs whose secret is something that everybody knows about the key; each must be refused before any key is used.
    static let publicSecrets: [JWSVector] = [
        JWSVector(
            name: "HS256 under the PEM of the RSA key",
            key: """
                {"kty":"RSA","kid":"k","n":"667XiKOcEBwKl94Xwixhrqb3BCga7bp1Q9KmciAuOcY8U0p4P5wR9I_b\
                tYnMaHuKW7vdcvridmb6pH-DRWkiA9yYUmQPedAoTafsHyTQQnL4Tw5wGBbskSjOHXSr-B7O_Pr7wFOsMHjX\
                j_cL933gZ_VDsaWsOTrGhFYDttzAjmjrmmGjsYCRXzOfL_v0zAyNtPoyByx100aB1or8xXzgEvJGOFXXuubO\
                qC9B1cVUu6L7ShIwtLnTo-_YW8RcHZJXQjOIPUXksFPb6Z6ALFIvFdlNL7RseCG2aKC_xeX25_96l6LCC7N6\
                iVMlBkSPEpz70kSFawFy57em1Stqm16e_w","e":"AQAB"}
                """,
            jws: """
                eyJhbGciOiJIUzI1NiIsImtpZCI6ImsifQ.eyJieSI6ImNyeXB0b2dyYXBoeSJ9.VInjEfyrtBTibb8BZ0Ab\
                uCODh8wpY5iDKdC4tdHgokg
                """
        ),
        JWSVector(
            name: "HS256 under the DER of the RSA key",
            key: """
                {"kty":"RSA","kid":"k","n":"667XiKOcEBwKl94Xwixhrqb3BCga7bp1Q9KmciAuOcY8U0p4P5wR9I_b\
                tYnMaHuKW7vdcvridmb6pH-DRWkiA9yYUmQPedAoTafsHyTQQnL4Tw5wGBbskSjOHXSr-B7O_Pr7wFOsMHjX\
                j_cL933gZ_VDsaWsOTrGhFYDttzAjmjrmmGjsYCRXzOfL_v0zAyNtPoyByx100aB1or8xXzgEvJGOFXXuubO\
                qC9B1cVUu6L7ShIwtLnTo-_YW8RcHZJXQjOIPUXksFPb6Z6ALFIvFdlNL7RseCG2aKC_xeX25_96l6LCC7N6\
                iVMlBkSPEpz70kSFawFy57em1Stqm16e_w","e":"AQAB"}
                """,
            jws: """
                eyJhbGciOiJIUzI1NiIsImtpZCI6ImsifQ.eyJieSI6ImNyeXB0b2dyYXBoeSJ9.hmfS66_RGMytxGG4yneQ\
                0-NFLbQR4QP58qvg4P2TWW8
                """
        ),
        JWSVector(
            name: "HS256 under the JWK of the RSA key",
            key: """
                {"kty":"RSA","kid":"k","n":"667XiKOcEBwKl94Xwixhrqb3BCga7bp1Q9KmciAuOcY8U0p4P5wR9I_b\
                tYnMaHuKW7vdcvridmb6pH-DRWkiA9yYUmQPedAoTafsHyTQQnL4Tw5wGBbskSjOHXSr-B7O_Pr7wFOsMHjX\
                j_cL933gZ_VDsaWsOTrGhFYDttzAjmjrmmGjsYCRXzOfL_v0zAyNtPoyByx100aB1or8xXzgEvJGOFXXuubO\
                qC9B1cVUu6L7ShIwtLnTo-_YW8RcHZJXQjOIPUXksFPb6Z6ALFIvFdlNL7RseCG2aKC_xeX25_96l6LCC7N6\
                iVMlBkSPEpz70kSFawFy57em1Stqm16e_w","e":"AQAB"}
                """,
            jws: """
                eyJhbGciOiJIUzI1NiIsImtpZCI6ImsifQ.eyJieSI6ImNyeXB0b2dyYXBoeSJ9.K6kTcQLzpdz4zd_GPMCI\
                q0tnsAIAAo0B6qfQW4Lo8Vo
                """
        ),
        JWSVector(
            name: "HS256 under the modulus of the RSA key",
            key: """
                {"kty":"RSA","kid":"k","n":"667XiKOcEBwKl94Xwixhrqb3BCga7bp1Q9KmciAuOcY8U0p4P5wR9I_b\
                tYnMaHuKW7vdcvridmb6pH-DRWkiA9yYUmQPedAoTafsHyTQQnL4Tw5wGBbskSjOHXSr-B7O_Pr7wFOsMHjX\
                j_cL933gZ_VDsaWsOTrGhFYDttzAjmjrmmGjsYCRXzOfL_v0zAyNtPoyByx100aB1or8xXzgEvJGOFXXuubO\
                qC9B1cVUu6L7ShIwtLnTo-_YW8RcHZJXQjOIPUXksFPb6Z6ALFIvFdlNL7RseCG2aKC_xeX25_96l6LCC7N6\
                iVMlBkSPEpz70kSFawFy57em1Stqm16e_w","e":"AQAB"}
                """,
            jws: """
                eyJhbGciOiJIUzI1NiIsImtpZCI6ImsifQ.eyJieSI6ImNyeXB0b2dyYXBoeSJ9.raJhP8FZHNZNQnkm_dec\
                0IhbQeLdzo2hMepmxrkQYOY
                """
        ),
    ]
}
