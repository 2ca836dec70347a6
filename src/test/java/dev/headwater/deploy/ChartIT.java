package dev.headwater.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.headwater.config.SettingsLoader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The chart as helm renders it, held to Kubernetes' own types and to restricted pod security. */
class ChartIT {
  private static final String CHART = "deploy/helm/headwater";

  /** Everything that can be switched on. */
  private static final String[] FULL = {
    "--set", "bundle.image=models:1",
    "--set", "serviceMonitor.enabled=true",
    "--set", "trainer.gpus=1",
    "--set", "scorer.storage.storageClassName=fast",
    "--set", "scorer.nodeSelector.disk=ssd",
    "--set-json", "trainer.tolerations=[{\"key\":\"nvidia.com/gpu\",\"operator\":\"Exists\"}]",
    "--set-json", "envFrom=[{\"secretRef\":{\"name\":\"broker\"}}]",
    "--set-json", "imagePullSecrets=[{\"name\":\"registry\"}]",
    "--set-json", "extraVolumes=[{\"name\":\"tls\",\"secret\":{\"secretName\":\"tls\"}}]",
    "--set-json", "extraVolumeMounts=[{\"name\":\"tls\",\"mountPath\":\"/tls\",\"readOnly\":true}]"
  };

  private static final String[] LEAST = {
    "--set", "bundle.volume.persistentVolumeClaim.claimName=models",
    "--set", "trainer.enabled=false",
    "--set", "networkPolicy.enabled=false"
  };

  @TempDir Path directory;

  @Test
  void passesHelmsLinter() throws Exception {
    Tools.run("helm", "lint", "--strict", CHART, "--set", "bundle.image=models:1");
  }

  @Test
  void rendersWhatKubernetesTypesAllow() throws Exception {
    List<JsonNode> objects = new ArrayList<>(rendered(FULL));
    objects.addAll(rendered(LEAST));

    assertThat(objects)
        .extracting(object -> object.at("/kind").asText())
        .contains(
            "StatefulSet",
            "Deployment",
            "Service",
            "ConfigMap",
            "PodDisruptionBudget",
            "NetworkPolicy",
            "ServiceMonitor");
    check(objects);
  }

  @Test
  void keepsPodsRestricted() throws Exception {
    List<JsonNode> pods = pods(rendered(FULL));

    assertThat(pods).hasSize(2);
    for (JsonNode pod : pods) {
      assertThat(pod.at("/securityContext/runAsNonRoot").asBoolean()).isTrue();
      assertThat(pod.at("/securityContext/seccompProfile/type").asText())
          .isEqualTo("RuntimeDefault");
      assertThat(pod.at("/automountServiceAccountToken").asBoolean(true)).isFalse();
      List<JsonNode> containers = list(pod.at("/containers"));
      containers.addAll(list(pod.at("/initContainers")));
      assertThat(containers).hasSize(2);
      for (JsonNode container : containers) {
        JsonNode security = container.at("/securityContext");
        assertThat(security.at("/readOnlyRootFilesystem").asBoolean()).isTrue();
        assertThat(security.at("/allowPrivilegeEscalation").asBoolean(true)).isFalse();
        assertThat(security.at("/capabilities/drop/0").asText()).isEqualTo("ALL");
      }
    }
  }

  @Test
  void givesScorersStableNamesAndVolumesAndTheTrainerOneReplica() throws Exception {
    List<JsonNode> objects = rendered(FULL);
    JsonNode scorer = only(objects, "StatefulSet");
    JsonNode trainer = only(objects, "Deployment");

    assertThat(scorer.at("/spec/volumeClaimTemplates/0/metadata/name").asText()).isEqualTo("state");
    assertThat(trainer.at("/spec/replicas").asInt()).isEqualTo(1);
    assertThat(trainer.at("/spec/strategy/type").asText()).isEqualTo("Recreate");
    assertThat(
            trainer
                .at("/spec/template/spec/containers/0/resources/limits")
                .path("nvidia.com/gpu")
                .asInt())
        .isEqualTo(1);
    assertThat(settings(objects, "x-scorer-0"))
        .as("the pod's name is its membership")
        .containsEntry("group.instance.id", "x-scorer-0");
  }

  private Map<String, Object> settings(List<JsonNode> objects, String pod) throws Exception {
    Path config =
        Files.writeString(
            directory.resolve("config.yaml"),
            only(objects, "ConfigMap").at("/data").path("config.yaml").asText());
    return SettingsLoader.load(config, Map.of("POD_NAME", pod), Map.of()).kafka();
  }

  private static List<JsonNode> rendered(String... values) throws Exception {
    List<String> arguments = new ArrayList<>(List.of("template", "x", CHART));
    arguments.addAll(List.of(values));
    String yaml = Tools.run("helm", arguments.toArray(String[]::new));
    return new YAMLMapper()
        .readerFor(JsonNode.class)
        .<JsonNode>readValues(new YAMLFactory().createParser(yaml))
        .readAll();
  }

  /** An object literal with a field its type lacks, or of another type, does not compile. */
  private static void check(List<JsonNode> objects) throws IOException, InterruptedException {
    Path compiler = Tools.FOLDER.resolve("node_modules/.bin/tsc");
    assumeTrue(Files.isExecutable(compiler), "no tsc: .ci/tools gets it");
    StringBuilder source = new StringBuilder();
    for (int i = 0; i < objects.size(); i++) {
      String version = objects.get(i).at("/apiVersion").asText();
      boolean operator = version.startsWith("monitoring.coreos.com/");
      source.append(
          """
          import { I%1$s as T%2$d } from "%3$s/%4$s";
          export const object%2$d: T%2$d = %5$s;
          """
              .formatted(
                  objects.get(i).at("/kind").asText(),
                  i,
                  operator ? "@kubernetes-models/prometheus-operator" : "kubernetes-models",
                  version,
                  objects.get(i)));
    }
    Files.writeString(Tools.FOLDER.resolve("chart.ts"), source);
    Process process =
        new ProcessBuilder(
                "node_modules/.bin/tsc",
                "--noEmit",
                "--strict",
                "--skipLibCheck",
                "--module",
                "nodenext",
                "chart.ts")
            .directory(Tools.FOLDER.toFile())
            .redirectErrorStream(true)
            .start();
    String printed = new String(process.getInputStream().readAllBytes());
    assertThat(process.waitFor()).as(printed).isZero();
  }

  private static List<JsonNode> pods(List<JsonNode> objects) {
    return objects.stream()
        .map(object -> object.at("/spec/template/spec"))
        .filter(JsonNode::isObject)
        .toList();
  }

  private static JsonNode only(List<JsonNode> objects, String kind) {
    List<JsonNode> found =
        objects.stream().filter(object -> object.at("/kind").asText().equals(kind)).toList();
    assertThat(found).as(kind).hasSize(1);
    return found.get(0);
  }

  private static List<JsonNode> list(JsonNode array) {
    return new ArrayList<>(StreamSupport.stream(array.spliterator(), false).toList());
  }
}
