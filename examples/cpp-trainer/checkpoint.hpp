#pragma once
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <zlib.h>
#include "tensors.hpp"

namespace fs = std::filesystem;
using Json = nlohmann::json;

inline std::string readFile(const fs::path& path) {  // empty where there is none
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// Folders that hold a checkpoint each, all below one root: whoever reaches the service may name paths.
struct Checkpoints {
    fs::path root;
    Trainer beginning;
    std::map<std::string, std::string> files;  // config and tokenizer: each checkpoint is a model's folder too

    Checkpoints(const fs::path& model, const fs::path& folder, const Trainer& beginning) : beginning(beginning) {
        fs::create_directories(folder);
        root = fs::canonical(folder);
        for (const char* name : {"generation_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"})
            if (fs::exists(model / name)) files[name] = readFile(model / name);
        Json config = Json::parse(readFile(model / "config.json"));
        config["head_dim"] = config["intermediate_size"] = config.at("hidden_size");
        config["num_hidden_layers"] = config["num_attention_heads"] = config["num_key_value_heads"] = 1;
        config["tie_word_embeddings"] = config["attention_bias"] = config["mlp_bias"] = false;
        config.update({{"architectures", {"LlamaForCausalLM"}}, {"model_type", "llama"}, {"rms_norm_eps", 1e-6}});
        files["config.json"] = config.dump(2);
    }

    fs::path save(const Trainer& trainer, const pb::SaveRequest& request) const {
        const std::string numbered = (request.weights_only() ? "weights-step-" : "step-") + std::to_string(int64_t(trainer.step));
        const std::string name = request.has_name() || request.has_path() ? request.name() : numbered;
        const bool isPlain = !name.empty() && name.size() <= 255 && name[0] != '.' &&
                             std::ranges::none_of(name, [](unsigned char c) { return c < 32 || c == 127 || c == '/'; });
        check(isPlain || !request.has_name(), "invalidOption", "the name is no plain file name");
        const fs::path path = request.path(), place = this->place(name.empty() ? path : path / name), partial = root / ".partial";
        auto written = files;
        written["model.safetensors"] = safetensors(trainer.model);
        written["trainer.state"] = stateBytes(trainer);
        const auto isKnown = [&](const fs::directory_entry& file) { return written.count(file.path().filename()) > 0; };
        const bool isOwn = readFile(place / "config.json") == files.at("config.json") &&
                           std::ranges::all_of(fs::directory_iterator(place), isKnown);
        check(isOwn || !fs::exists(place), "notAllowed", place.string() + " is not this trainer's to replace");
        if (request.weights_only()) written.erase("trainer.state");
        fs::remove_all(partial);
        fs::create_directories(partial);
        for (const auto& [file, bytes] : written)
            check(bool(std::ofstream(partial / file) << bytes << std::flush), "inputOutput", file + " cannot be written");
        fs::create_directories(place.parent_path());
        fs::remove_all(place);
        fs::rename(partial, place);
        return place;
    }

    // Without a path, the newest that can be read.
    pb::LoadResponse load(Trainer& trainer, const pb::LoadRequest& request) const {
        if (request.has_path()) return load(trainer, place(request.path()));
        std::multimap<fs::file_time_type, fs::path, std::greater<>> newestFirst;
        for (const auto& entry : fs::directory_iterator(root))
            if (entry.is_directory() && entry.path() != root / ".partial") newestFirst.emplace(entry.last_write_time(), entry);
        for (const auto& [time, path] : newestFirst) try {
            return load(trainer, this->place(path));
        } catch (const TrainerError&) {}
        throw TrainerError("checkpointNotFound", "there is no checkpoint that can be read in " + root.string());
    }

    // Where a path really leads, through links and all.
    fs::path place(const fs::path& path) const {
        const fs::path place = fs::weakly_canonical(root / path);
        const bool isBelow = place.native().starts_with(root.native() + "/") && path.native().find('\0') == std::string::npos;
        check(isBelow, "notAllowed", path.string() + " is not below " + root.string());
        return place;
    }

    // Everything is read before anything changes. It is whole if it would be written just so.
    pb::LoadResponse load(Trainer& trainer, const fs::path& place) const {
        check(fs::exists(place / "model.safetensors"), "checkpointNotFound", "there is no checkpoint at " + place.string());
        const std::string weights = readFile(place / "model.safetensors"), state = readFile(place / "trainer.state");
        const std::string config = readFile(place / "config.json");
        check(Json::accept(config), "corruptFile", place.string() + " is damaged");
        check(config == files.at("config.json"), "checkpointMismatch", place.string() + " is of another model");
        const bool isFull = fs::exists(place / "trainer.state");
        Trainer found = beginning;
        const size_t size = std::min(weights.size(), found.model.weights.size() * sizeof(float));
        const Numbers numbers = isFull ? unpack<double>(state) : unpack<float>(weights.substr(weights.size() - size));
        size_t next = 0;
        found.visit([&](double& number) { if (next < numbers.size()) number = numbers[next++]; });
        const bool isWhole = weights == safetensors(found.model) && (!isFull || state == stateBytes(found));
        check(isWhole, "corruptFile", place.string() + " is damaged");
        trainer = std::move(found);
        pb::LoadResponse response;
        response.set_path(place);
        response.set_step(trainer.step);
        response.set_weights_only(!isFull);
        return response;
    }

    // In double precision, with a checksum at the end.
    static std::string stateBytes(Trainer trainer) {
        Numbers numbers;
        trainer.visit([&](double& number) { numbers.push_back(number); });
        const std::string bytes = pack<double>(numbers);
        return bytes + pack<uint32_t>({double(crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()))});
    }

    // For those who open Llamas, as one of a single layer, whose zeros compute nothing.
    static std::string safetensors(const Bigram& model) {
        const loss::Dims matrix{model.vocabulary, model.hidden}, square(2, model.hidden), row(1, model.hidden);
        const auto begin = model.weights.begin(), head = begin + model.head, gain = begin + model.gain;
        Json header;
        std::string data;
        const auto add = [&](const std::string& name, const loss::Array& tensor) {
            const size_t offset = data.size();
            data += pack<float>(tensor.values);
            header[name + ".weight"] = {{"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {offset, data.size()}}};
        };
        for (const std::string name : {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
                                       "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj", "input_layernorm",
                                       "post_attention_layernorm"})
            add("model.layers.0." + name, loss::Array(name.ends_with("norm") ? row : square));
        add("model.embed_tokens", {matrix, {begin, head}});
        add("lm_head", {matrix, {head, gain}});
        add("model.norm", {row, {gain, model.weights.end()}});
        return pack<uint64_t>({double(header.dump().size())}) + header.dump() + data;
    }
};
