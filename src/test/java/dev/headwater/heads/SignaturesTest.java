package dev.headwater.heads;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.headwater.schema.RejectedHeadException;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SignaturesTest {
  private static final byte[] VALUE = {1, 2, 3};

  @TempDir Path directory;
  private TestKeys keys;

  @BeforeEach
  void makeKeys() throws Exception {
    keys = new TestKeys(directory).pair("ours", "Ed25519").pair("theirs", "Ed25519");
  }

  @Test
  void aSignatureHoldsForItsTopicKeyAndValueOnly() {
    Signatures signatures = keys.signing("ours", "ours");
    byte[] signature = signature(signatures, "heads", "live/intent", VALUE);

    assertThatCode(() -> signatures.check(read("heads", "live/intent", VALUE, signature)))
        .doesNotThrowAnyException();
    assertRefused(signatures, read("heads", "live/domain", VALUE, signature));
    assertRefused(signatures, read("heads-of-staging", "live/intent", VALUE, signature));
    assertRefused(signatures, read("heads", "live/intent", new byte[] {1, 2, 4}, signature));
    assertRefused(signatures, read("heads", "live/intent", null, signature));
    assertRefused(signatures, read("headslive", "/intent", VALUE, signature));
  }

  @Test
  void anEmptyValueIsNoTombstone() {
    Signatures signatures = keys.signing("ours", "ours");
    byte[] tombstone = signature(signatures, "heads", "head/intent/1/0", null);

    assertThatCode(() -> signatures.check(read("heads", "head/intent/1/0", null, tombstone)))
        .doesNotThrowAnyException();
    assertRefused(signatures, read("heads", "head/intent/1/0", new byte[0], tombstone));
  }

  @Test
  void whatIsNoSignatureIsRefused() {
    Signatures signatures = keys.trusting("ours");
    byte[] theirs = signature(keys.signing("theirs", "theirs"), "heads", "live/intent", VALUE);

    assertRefused(signatures, read("heads", "live/intent", VALUE, theirs));
    assertRefused(signatures, read("heads", "live/intent", VALUE, new byte[0]));
    assertRefused(signatures, read("heads", "live/intent", VALUE, new byte[64]));
    assertRefused(signatures, read("heads", "live/intent", VALUE, new byte[1000]));
    ConsumerRecord<String, byte[]> unsigned =
        new ConsumerRecord<>("heads", 0, 0, "live/intent", VALUE);
    assertThatThrownBy(() -> signatures.check(unsigned))
        .isInstanceOf(RejectedHeadException.class)
        .hasMessage("The record 'live/intent' is not signed.");
    assertThatCode(() -> Signatures.NONE.check(unsigned)).doesNotThrowAnyException();
  }

  @Test
  void whoeverWritesWhereKeysAreTrustedNeedsOne() {
    assertThatThrownBy(keys.trusting("ours")::requireKey).hasMessageContaining("heads.signing-key");
    assertThatCode(keys.signing("ours", "theirs", "ours")::requireKey).doesNotThrowAnyException();
    assertThatCode(Signatures.NONE::requireKey).doesNotThrowAnyException();
  }

  @Test
  void aKeyWhoseSignaturesNobodyTrustsIsAMistake() {
    assertThatThrownBy(() -> keys.signing("ours", "theirs"))
        .hasMessageContaining("ours.key is not among the trusted keys");
  }

  @Test
  void whoSignsMayTrustEverythingForTheTimeBeing() {
    Signatures beginning = Signatures.of(Optional.of(keys.signing("ours")), List.of());
    byte[] signature = signature(beginning, "heads", "live/intent", VALUE);

    assertThatCode(() -> beginning.check(new ConsumerRecord<>("heads", 0, 0, "live/intent", VALUE)))
        .doesNotThrowAnyException();
    assertThatCode(
            () -> keys.trusting("ours").check(read("heads", "live/intent", VALUE, signature)))
        .doesNotThrowAnyException();
  }

  @Test
  void whatIsNoKeyIsRefusedAndNotShown() throws Exception {
    keys.pair("montgomery", "X25519");
    Files.writeString(keys.signing("noise"), "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END");
    Files.copy(keys.trusted("ours"), keys.signing("swapped"));

    Files.write(keys.signing("der"), new byte[] {0x30, 0x2e, (byte) 0xff, (byte) 0xfe});

    for (String wrong : List.of("montgomery", "noise", "swapped", "der")) {
      assertThatThrownBy(() -> keys.signing(wrong, "ours"))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining(wrong + ".key is not an unencrypted Ed25519 private key in PEM")
          .hasMessageNotContaining("c2VjcmV0");
    }
    assertThatThrownBy(() -> keys.trusting("montgomery"))
        .hasMessageContaining("montgomery.pub is not an unencrypted Ed25519 public key in PEM");
    assertThatThrownBy(() -> keys.trusting("nobody")).hasMessageContaining("cannot be read");
  }

  @Test
  void readsWhatOpensslWrites() throws Exception {
    assumeTrue(openssl(), "needs openssl");
    Path key = keys.signing("made");
    run("openssl", "genpkey", "-algorithm", "ed25519", "-out", key.toString());
    run(
        "openssl",
        "pkey",
        "-in",
        key.toString(),
        "-pubout",
        "-out",
        keys.trusted("made").toString());

    Signatures signatures = Signatures.of(Optional.of(key), List.of(keys.trusted("made")));

    byte[] signature = signature(signatures, "heads", "live/intent", VALUE);
    assertThatCode(() -> signatures.check(read("heads", "live/intent", VALUE, signature)))
        .doesNotThrowAnyException();
  }

  private static void assertRefused(Signatures signatures, ConsumerRecord<String, byte[]> record) {
    assertThatThrownBy(() -> signatures.check(record))
        .isInstanceOf(RejectedHeadException.class)
        .hasMessageContaining("is not signed by a trusted key");
  }

  private static byte[] signature(Signatures signatures, String topic, String key, byte[] value) {
    Header header =
        signatures
            .sign(new ProducerRecord<>(topic, key, value))
            .headers()
            .lastHeader(Signatures.HEADER);
    return header.value();
  }

  private static ConsumerRecord<String, byte[]> read(
      String topic, String key, byte[] value, byte[] signature) {
    ConsumerRecord<String, byte[]> record = new ConsumerRecord<>(topic, 0, 0, key, value);
    record.headers().add(Signatures.HEADER, signature);
    return record;
  }

  private static boolean openssl() {
    return Stream.of(System.getenv("PATH").split(File.pathSeparator))
        .anyMatch(folder -> Files.isExecutable(Path.of(folder, "openssl")));
  }

  private static void run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes());
    assertThat(process.waitFor()).as(said).isZero();
  }
}
