// Signatures by another implementation: joserfc 1.8.0, `jws.serialize_compact` with fresh keys of each kind.

extension JWSVector {
    /// One for each algorithm; each must be valid.
    static let generated: [JWSVector] = [
        JWSVector(
            name: "RS256 by joserfc",
            key: """
                {"kty":"RSA","kid":"k","alg":"RS256","n":"667XiKOcEBwKl94Xwixhrqb3BCga7bp1Q9KmciAuOc\
                Y8U0p4P5wR9I_btYnMaHuKW7vdcvridmb6pH-DRWkiA9yYUmQPedAoTafsHyTQQnL4Tw5wGBbskSjOHXSr-B\
                7O_Pr7wFOsMHjXj_cL933gZ_VDsaWsOTrGhFYDttzAjmjrmmGjsYCRXzOfL_v0zAyNtPoyByx100aB1or8xX\
                zgEvJGOFXXuubOqC9B1cVUu6L7ShIwtLnTo-_YW8RcHZJXQjOIPUXksFPb6Z6ALFIvFdlNL7RseCG2aKC_xe\
                X25_96l6LCC7N6iVMlBkSPEpz70kSFawFy57em1Stqm16e_w","e":"AQAB"}
                """,
            jws: """
                eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.eyJieSI6Impvc2VyZmMifQ.ZRRzs6M6M6zuvUwPx2VvJaekGA\
                dqzdEBqTMtFpvSnMypRDF39jI-vrk0FfQwX8RIVsbIijDWLqgZuwhoKvMI8wxjXoVhDgwWFrHPnPIsI3LfkB\
                2oQZbSHoqmgqlCbJGke7ZQ9be8Q0YBYO09-5E1R88WY4p3ERwnoZ196jWmDvIiOEM7mmMn4Qd0M2BqcXG9nu\
                Sx5fRAtVBGet-JZyvIC4DyoviLJOKGx5M8adqqgzVNrH3ra2IRLPS9JMkBXxdEMDXbyEdhqdEFD9btfmSTGE\
                IRcey8PIKx-dwhSDjUp2xS0vZrd07iKLfCu1yiZmyYqaibtzk_i_9j3EMO9DMDWA
                """
        ),
        JWSVector(
            name: "RS384 by joserfc",
            key: """
                {"kty":"RSA","kid":"k","alg":"RS384","n":"667XiKOcEBwKl94Xwixhrqb3BCga7bp1Q9KmciAuOc\
                Y8U0p4P5wR9I_btYnMaHuKW7vdcvridmb6pH-DRWkiA9yYUmQPedAoTafsHyTQQnL4Tw5wGBbskSjOHXSr-B\
                7O_Pr7wFOsMHjXj_cL933gZ_VDsaWsOTrGhFYDttzAjmjrmmGjsYCRXzOfL_v0zAyNtPoyByx100aB1or8xX\
                zgEvJGOFXXuubOqC9B1cVUu6L7ShIwtLnTo-_YW8RcHZJXQjOIPUXksFPb6Z6ALFIvFdlNL7RseCG2aKC_xe\
                X25_96l6LCC7N6iVMlBkSPEpz70kSFawFy57em1Stqm16e_w","e":"AQAB"}
                """,
            jws: """
                eyJhbGciOiJSUzM4NCIsImtpZCI6ImsifQ.eyJieSI6Impvc2VyZmMifQ.QLMqgN37hj9Sgl7-D64V8_NXqv\
                ZUFEG0a48Z3ZoCJIh3XZDecsPygvqWZIjQYOTMZMlzN363zgnlSnUIyxBXEtkJqGDPCe8lyYz-ERIopnh6u7\
                av9y_C_heZ61w7CfycqlaYsvy1dnLN6sGo8ugIz4dC9EM0qW9gA4n1rPk3s6l4t32suK5og_QzlInKMbmr4g\
                wRfrOerKCWpoLECH0rUstrTTOs1DGVb0y2LUOQpNT9ZWDlMCEX5KKqD5TL83NZaZxRGB9_JRrUOTOXpXJxv1\
                NtvrD4JmPcikzZ0Ta_qWRYIPRGzO-_AP5H6A49UGaFprfxnxOSwGmjMPWT61I6ZQ
                """
        ),
        JWSVector(
            name: "RS512 by joserfc",
            key: """
                {"kty":"RSA","kid":"k","alg":"RS512","n":"667XiKOcEBwKl94Xwixhrqb3BCga7bp1Q9KmciAuOc\
                Y8U0p4P5wR9I_btYnMaHuKW7vdcvridmb6pH-DRWkiA9yYUmQPedAoTafsHyTQQnL4Tw5wGBbskSjOHXSr-B\
                7O_Pr7wFOsMHjXj_cL933gZ_VDsaWsOTrGhFYDttzAjmjrmmGjsYCRXzOfL_v0zAyNtPoyByx100aB1or8xX\
                zgEvJGOFXXuubOqC9B1cVUu6L7ShIwtLnTo-_YW8RcHZJXQjOIPUXksFPb6Z6ALFIvFdlNL7RseCG2aKC_xe\
                X25_96l6LCC7N6iVMlBkSPEpz70kSFawFy57em1Stqm16e_w","e":"AQAB"}
                """,
            jws: """
                eyJhbGciOiJSUzUxMiIsImtpZCI6ImsifQ.eyJieSI6Impvc2VyZmMifQ.MC0m4aiIXNvWBVIv8ay6X1UpEz\
                Kiv_R9Te5d8BjrV81uzoXZFE8wQt4YV0f4RpWPSU--88w-cCSMzhKsIn5Y5fvdiDn3VNu99oq7f-htXh2vGb\
                qEBH1BZ68RJ8JAkXziMqHgtjKpnjWjbsaBmqOyjVDC4iccpZrjhL40vNQQNQmzlUcnmOQz_2rfaa6kK9jXkI\
                sReYDiQ0q6tP9IKoQjpPNcYnsLfxvtHcztuRTCUV8dFPV9rX5FKDhv0ohCgPGwUoCDq_iQC1tn-LkkH7WadM\
                tvsc6yjyyUQ84T0yLoVTg0Td62GBADSBabRMg4yA7dnvFbWJ8h4W-kGGFGwYma1A
                """
        ),
        JWSVector(
            name: "PS256 by joserfc",
            key: """
                {"kty":"RSA","kid":"k","alg":"PS256","n":"667XiKOcEBwKl94Xwixhrqb3BCga7bp1Q9KmciAuOc\
                Y8U0p4P5wR9I_btYnMaHuKW7vdcvridmb6pH-DRWkiA9yYUmQPedAoTafsHyTQQnL4Tw5wGBbskSjOHXSr-B\
                7O_Pr7wFOsMHjXj_cL933gZ_VDsaWsOTrGhFYDttzAjmjrmmGjsYCRXzOfL_v0zAyNtPoyByx100aB1or8xX\
                zgEvJGOFXXuubOqC9B1cVUu6L7ShIwtLnTo-_YW8RcHZJXQjOIPUXksFPb6Z6ALFIvFdlNL7RseCG2aKC_xe\
                X25_96l6LCC7N6iVMlBkSPEpz70kSFawFy57em1Stqm16e_w","e":"AQAB"}
                """,
            jws: """
                eyJhbGciOiJQUzI1NiIsImtpZCI6ImsifQ.eyJieSI6Impvc2VyZmMifQ.5ntPDJ2j1GHbsyLJRIa0Eqhtf_\
                PDtcXrrtY4nmGj7n84kM1fNmEDlGb_Jan0x_YR_U_LXyUGAauA8_p_aWu6FPJvNHzYGJtcfMXSKWGw830bCf\
                3vYAV3qVA87hS_qJjgy1p-dXqIoe6JVnfRDsMrmzmK-NYXpEbaFB1m3Dq7QMKvqo1nvaQSFr4mRNv8xCMI-g\
                DBgo7BfhhWX8k7MIf3-89WzQHBw6Apn1OiPoZBkAGitbfwTQwyZuPgk-_5tVU1K8_YL2WeLr6U8oZCxAsHSF\
                zBwx8Qa0aqu3yiY5RgWeHWzwRxyKmyimNZh7Rqo3lO1NclZxao7jWk7LFyHIiEvg
                """
        ),
        JWSVector(
            name: "PS384 by joserfc",
            key: """
                {"kty":"RSA","kid":"k","alg":"PS384","n":"667XiKOcEBwKl94Xwixhrqb3BCga7bp1Q9KmciAuOc\
                Y8U0p4P5wR9I_btYnMaHuKW7vdcvridmb6pH-DRWkiA9yYUmQPedAoTafsHyTQQnL4Tw5wGBbskSjOHXSr-B\
                7O_Pr7wFOsMHjXj_cL933gZ_VDsaWsOTrGhFYDttzAjmjrmmGjsYCRXzOfL_v0zAyNtPoyByx100aB1or8xX\
                zgEvJGOFXXuubOqC9B1cVUu6L7ShIwtLnTo-_YW8RcHZJXQjOIPUXksFPb6Z6ALFIvFdlNL7RseCG2aKC_xe\
                X25_96l6LCC7N6iVMlBkSPEpz70kSFawFy57em1Stqm16e_w","e":"AQAB"}
                """,
            jws: """
                eyJhbGciOiJQUzM4NCIsImtpZCI6ImsifQ.eyJieSI6Impvc2VyZmMifQ.gxX-vf1GIBErFn-PZWRL7eaydj\
                ucGQRNR2K-j0GW0Or_jm040t7eIR1e_a5DENFq-ThGnivoC4wGoOV_Pe7PTKc_GpctPt99auAXQAwMWuSIPV\
                -9cM4eiuufE0hBeSn1qmOaSHYLK0Y3SeU-q-ehyd5BLRS_j-MMY-FFsULSf56ob0BET-Oyy9XinXx2A_tesD\
                bXEDijZsMaDYLLF6MjVkmA7kaRUbHVE4s0gkmse_Ifl7MGpUiKGGpKPp5TfrwAtg0b0YxfguDxZByI_uSZsw\
                yW7cBxcb6ea9-tChNTPZ_gViU-UlkkK0o73Vn_qf3Dg6sUQJn8yXr9sqqdbXtJzw
                """
        ),
        JWSVector(
            name: "PS512 by joserfc",
            key: """
                {"kty":"RSA","kid":"k","alg":"PS512","n":"667XiKOcEBwKl94Xwixhrqb3BCga7bp1Q9KmciAuOc\
                Y8U0p4P5wR9I_btYnMaHuKW7vdcvridmb6pH-DRWkiA9yYUmQPedAoTafsHyTQQnL4Tw5wGBbskSjOHXSr-B\
                7O_Pr7wFOsMHjXj_cL933gZ_VDsaWsOTrGhFYDttzAjmjrmmGjsYCRXzOfL_v0zAyNtPoyByx100aB1or8xX\
                zgEvJGOFXXuubOqC9B1cVUu6L7ShIwtLnTo-_YW8RcHZJXQjOIPUXksFPb6Z6ALFIvFdlNL7RseCG2aKC_xe\
                X25_96l6LCC7N6iVMlBkSPEpz70kSFawFy57em1Stqm16e_w","e":"AQAB"}
                """,
            jws: """
                eyJhbGciOiJQUzUxMiIsImtpZCI6ImsifQ.eyJieSI6Impvc2VyZmMifQ.rdvT1fwkb-aB2Wl3yW3iYp_2Lc\
                lHdkeOTcimw8wOTpGKj3CDUSxA3_Y8E6SLsBPvp8kbSR53c6079F73V-_3lj-HWE6ltlvehxGimzCK4uGyq8\
                IKXtLu84lU9QvJT-fPatetGk7ngTc1AbRj92CMs_RC5ZjyWN1lEOGw8lwtXXZeKLOWf7ctV8UPbkUwVNnEsC\
                VREZ18BAH0PJSKsrB5HChGlH8Q4IUT3tSd1Q4hf5YHl7kKF1IJWkXFXRksX7S-jmmhT-HBpYRwW9zubelT7x\
                miauXFuLXbNkaAWqtzbBWjsJGGzSUxWjs_azB9uk83GPZhVWuPi8CESVDAEkm94A
                """
        ),
        JWSVector(
            name: "ES256 by joserfc",
            key: """
                {"kty":"EC","kid":"k","alg":"ES256","crv":"P-256","x":"cUj6LQrdcYK2QQHATSA4pgC58tCIs\
                H_5ZR0AWvAK-v8","y":"tBTuBVM0gYiGJDmByO3c2iNWpNrrKAVzX6DkhU7ty2Y"}
                """,
            jws: """
                eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.eyJieSI6Impvc2VyZmMifQ.4YalVGGg3Xck0I0mEMwRpmGmFf\
                bru-GjL0_4_Rcy_Smoefk-ha2jwQ0maMPrec-rJgufpNKWwe-a21DVPVSljg
                """
        ),
        JWSVector(
            name: "ES384 by joserfc",
            key: """
                {"kty":"EC","kid":"k","alg":"ES384","crv":"P-384","x":"AIxCDh4BfNZ9-SyXsfJ_MCv_kXRva\
                ONFFRctJCU3jX4BkvJKcsIfq3madDmKjdi7","y":"sJ61d0tAxdjJa8Vnl8rWaR-ET6JXSl9FXDFRYKNnjM\
                DfOM4yU1d0IgpCq4M2-dDl"}
                """,
            jws: """
                eyJhbGciOiJFUzM4NCIsImtpZCI6ImsifQ.eyJieSI6Impvc2VyZmMifQ.y3RvaHjFnOuf-ab7rpW5uzZVOG\
                K1db2PqKye0CAjztcqqiSwzfeXyOqmQJahGxSiPM_keJgTd_cqhO5VFn0oCxLYSH99WO_P1UlLuuVWk0ZEzU\
                a1_0D0xgElXcW18SMy
                """
        ),
        JWSVector(
            name: "ES512 by joserfc",
            key: """
                {"kty":"EC","kid":"k","alg":"ES512","crv":"P-521","x":"ACNlo1OhP3ZVxpuYotLtc16IpFrCA\
                849W5lA2vocdzUs9WTKw-UoNSeVfQiTdRcCcUm1r8OtsykCk_3l0-hdGk3B","y":"AG_2atAJ7-06tno42i\
                D8MwiUQV0nhis3ZUTFds3c6S6agBxtzaZzlhRvIgGol2gQVPGm8folDWCUlWA7aMRFIJgf"}
                """,
            jws: """
                eyJhbGciOiJFUzUxMiIsImtpZCI6ImsifQ.eyJieSI6Impvc2VyZmMifQ.AOqQNBR2WXo0x8NdZFzKJMhpZX\
                _QyQOe9TILEotXz5JKyhOr0Bxgm_JLp1SDKIknb5h9NAxQ65696QcoHoiqSt3AAJV0uLjsuzLjXpDLW6c_oW\
                K6Fi3eZgqEJJb2Q6t3NCBTAVyhzbL8K2o3ohxuca6cod9CDafR9tS7elyahRREWbfT
                """
        ),
        JWSVector(
            name: "EdDSA by joserfc",
            key: """
                {"kty":"OKP","kid":"k","alg":"EdDSA","crv":"Ed25519","x":"YHOJW9_Xp6JEsev3TGM8GclXkH\
                F-19eLZrJM0YxGREg"}
                """,
            jws: """
                eyJhbGciOiJFZERTQSIsImtpZCI6ImsifQ.eyJieSI6Impvc2VyZmMifQ.nvsBqqH8KR7TwSMfv-TNgAgwqR\
                OO8OOp_1nmhuhatcnLthAPLGOi_py64es6GpZnr25duwsSZiyRrkKCrPo8Aw
                """
        ),
        JWSVector(
            name: "EdDSA by joserfc on Ed448",
            key: """
                {"kty":"OKP","kid":"k","alg":"EdDSA","crv":"Ed448","x":"OYEzWxfB83u_vHdL-bZxwnzIw_PC\
                JNO5G_VYw5D4FNQ0OdPdk4o84ZeRI2jZ4KIvpMTB0K0wqyeA"}
                """,
            jws: """
                eyJhbGciOiJFZERTQSIsImtpZCI6ImsifQ.eyJieSI6Impvc2VyZmMifQ.BsYk38YgMjABR2zZfHT15hpvy3\
                C15ZZCWs8sbBEzz5lTc-he4AjqzSTRzCVaBpSdxR8SF_zSPe-ALrJcOe4dVcPMeJr158CPM52I6lsXToeJUy\
                _Z1cMyG9S_sgu_R6K7B60fmHkEPkZJwUkNH2fezRUA
                """
        ),
        JWSVector(
            name: "Ed25519 by joserfc",
            key: """
                {"kty":"OKP","kid":"k","alg":"Ed25519","crv":"Ed25519","x":"ucVE4g3IB8XjzfpND8O93DWL\
                PTbEYuv1Qt1ypXK87rk"}
                """,
            jws: """
                eyJhbGciOiJFZDI1NTE5Iiwia2lkIjoiayJ9.eyJieSI6Impvc2VyZmMifQ.4WMQz-kZZd-VmIMlc3YYenWq\
                m9EtDaj1HuM-QQwgDSHsi9LPctzV4zkmjlRWB4ZzuZqMfcrkkoELzlqLp6z2Bg
                """
        ),
        JWSVector(
            name: "Ed448 by joserfc",
            key: """
                {"kty":"OKP","kid":"k","alg":"Ed448","crv":"Ed448","x":"MH7F9dx1BDJzKRlapzRdJv0jcSGk\
                4Y8bg3r_D9bSqtBk1ad-DGa8GCbKl0FCQYHgr6B7vqulNxAA"}
                """,
            jws: """
                eyJhbGciOiJFZDQ0OCIsImtpZCI6ImsifQ.eyJieSI6Impvc2VyZmMifQ.Ucr3hmB23iJonFDhYMnymL4g7e\
                TfCJBuYUwv8rt9EoXit0hJqBk790ToCK9OPVDq_iOD4_BtZO-A1yQLhw0jjOw54yHucDRbAThZ1jMmA2-Jpl\
                fZwMg2FVT9ZJ8mSIoqJ0QmS6jdGCCvXhC3aD4DdikA
                """
        ),
    ]
}
