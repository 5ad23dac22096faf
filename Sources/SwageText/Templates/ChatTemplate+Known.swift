// Written by Tests/Golden/known_templates.py, which says how.

extension ChatTemplate {
    /// The formats of published templates, by the digests of their texts.
    static let known: [String: ChatTemplate] = [
        // trl-qwen2_5
        "55b2f4a26ac9ee719330a61a0c39d9e538b0e9322212f048326318cff4f8674a":
            .chatML(defaultSystem: "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."),
        // cz-qwen2.5-instruct
        "b1d2bb00d59cae00a80c2b526765a9cc502bc5a138a4a84b6cdea71b3e631df1":
            .chatML(defaultSystem: "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."),
        // qwen2.5
        "e23e8dbdf36bb426d4fa00c272cfbc4c299c2abac12bd241078065ccfdb90af7":
            .chatML(defaultSystem: "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."),
        // gguf-smollm2, smollm2, smollm2-lf
        "872be49dbb638044ad01b60388f48d469ff2980e5f0dccdc22ec907db54d0788":
            .chatML(defaultSystem: "You are a helpful AI assistant named SmolLM, trained by Hugging Face"),
        // smollm2-esc
        "de9cde7d1b0ca0cc87459a6673e0d12fb89c070bdb24e4a30b6e4d187b226221":
            .chatML(defaultSystem: "You are a helpful AI assistant named SmolLM, trained by Hugging Face"),
        // qwen15-esc
        "7c0cc400db493cfc546224cbd626ef46495c4b19103042eb5518f06bf7f1e26d":
            .chatML(defaultSystem: "You are a helpful assistant"),
        // qwen15-lf
        "af9c0233881b083b52ff773580215222b5440ac3d0beeeca99b76329b048f8db":
            .chatML(defaultSystem: "You are a helpful assistant"),
        // qwen2-lf
        "793202280c0910ab26bc6eb57c8212c2417324c6d8c4efd0d10d59092ab3e3eb":
            .chatML(defaultSystem: "You are a helpful assistant."),
        // trl-qwen2_5_vl
        "a0bc6f6fc7a29a80017a433e8f03a1cc1236e838a944a2d034295a60c4f2fddb":
            .chatML(defaultSystem: "You are a helpful assistant."),
        // qwen2-esc
        "f0206845c9ebc3abb4735d44f286eb81ce99238ad2accc710c6fc60e6cb8ccc8":
            .chatML(defaultSystem: "You are a helpful assistant."),
        // chatml-lf
        "153280e3ff55d19da1398bdb3914ee2a51b80429bfaedde11d7d216c39db80f3":
            .chatML(defaultSystem: nil),
        // chatml-axolotl-lf
        "58c1a1f04baa7adaeaba1f90267c3d57d9396f0c1f0129bdde9e76d3c6784af7":
            .chatML(defaultSystem: nil),
        // trl-qwen3_instruct_2507
        "64f85b198065d0fba2a81f37e10ed68161ce2c19a754c7100e67e0ca2ee9c326":
            .chatML(defaultSystem: nil),
        // chatml-axolotl-esc
        "d7b5b8c7b58f7a6bf868aa46a5f73ee976d7292f40fcb9c3e7a1defd8d235cfb":
            .chatML(defaultSystem: nil),
        // chatml, chatml-esc
        "fcf7a096fe99a48fd9ad2b250bf9237e96e8f48bffec1c7ea4d3f225176cd40e":
            .chatML(defaultSystem: nil),
        // llama3.1
        "5e93b2ea9f53333965e2bd25dc629e2696cc2e43d623caca7392b6944066b3b7":
            .llama3(date: .fixed("26 Jul 2024")),
        // trl-llama3_1
        "93c0e9aa3629bbd77e68dbc0f5621f6e6b23aa8d74b932595cdb8d64684526d7":
            .llama3(date: .fixed("26 Jul 2024")),
        // trl-llama3_2
        "d82792f95932f1c9cef5c4bd992f171225e3bf8c7b609b4557c9e1ec96be819f":
            .llama3(date: .today),
        // llama3-esc
        "4f46ecd43418f216df8c26936c60e5d04bcc81db47db5d86fbe889f64212dd4c":
            .llama3(date: nil),
        // llama3, llama3-lf, trl-llama3
        "ba03a121d097859c7b5b9cd03af99aafe95275210d2876f642ad9929a150f122":
            .llama3(date: nil),
        // qwen3
        "710dbc3b544d92157b66c7022c82e81407583b4d2d8e73702345da23f92ba102":
            .qwen3,
        // qwen3, shortened
        "766dfba8202b55ffbbe8f8da2480d6b3884d4767e66fb28bf3116820ce841042":
            .qwen3,
        // trl-qwen3
        "a55ee1b1660128b7098723e0abcd92caa0788061051c62d51cbe87d9cf1974d8":
            .qwen3,
    ]
}
