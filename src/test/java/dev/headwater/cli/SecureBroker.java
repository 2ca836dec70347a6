package dev.headwater.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.replay.EmbeddedBroker;
import dev.headwater.stream.FreePort;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.common.acl.AclBinding;

/**
 * A broker that lets in who has a certificate of its authority, or a password over TLS, and only to
 * what its ACLs allow. {@code CN=admin} may do anything.
 */
final class SecureBroker implements AutoCloseable {
  /** Of every key store, trust store and user, so that one search finds any of them. */
  static final String SECRET = "s3ntinel-kept-out-of-logs";

  final int mutualTls = FreePort.next();
  final int scram = FreePort.next();
  private final Path directory;
  private final EmbeddedBroker broker;

  /**
   * @param clients common names with a certificate
   */
  SecureBroker(Path directory, String... clients) throws Exception {
    this.directory = directory;
    certify(clients);
    int controller = FreePort.next();
    broker =
        EmbeddedBroker.start(
            directory.resolve("log"),
            Map.ofEntries(
                Map.entry(
                    "listeners",
                    "MTLS://localhost:%d,SCRAM://localhost:%d,CONTROLLER://localhost:%d"
                        .formatted(mutualTls, scram, controller)),
                Map.entry("controller.quorum.voters", "1@localhost:" + controller),
                Map.entry(
                    "listener.security.protocol.map", "MTLS:SSL,SCRAM:SASL_SSL,CONTROLLER:SSL"),
                Map.entry("inter.broker.listener.name", "MTLS"),
                Map.entry("ssl.client.auth", "required"),
                Map.entry("ssl.keystore.location", keyStore("broker").toString()),
                Map.entry("ssl.keystore.password", SECRET),
                Map.entry("ssl.truststore.location", trustStore().toString()),
                Map.entry("ssl.truststore.password", SECRET),
                Map.entry("sasl.enabled.mechanisms", "SCRAM-SHA-512"),
                Map.entry(
                    "listener.name.scram.scram-sha-512.sasl.jaas.config",
                    "org.apache.kafka.common.security.scram.ScramLoginModule required;"),
                Map.entry(
                    "authorizer.class.name",
                    "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
                Map.entry("super.users", "User:CN=broker;User:CN=admin")));
  }

  /** Properties of a client that shows the certificate of this name. */
  Map<String, Object> withCertificate(String name) {
    return Map.of(
        "bootstrap.servers",
        "localhost:" + mutualTls,
        "security.protocol",
        "SSL",
        "ssl.keystore.location",
        keyStore(name).toString(),
        "ssl.keystore.password",
        SECRET,
        "ssl.truststore.location",
        trustStore().toString(),
        "ssl.truststore.password",
        SECRET);
  }

  Path keyStore(String name) {
    return directory.resolve(name + ".p12");
  }

  Path trustStore() {
    return directory.resolve("trusted.p12");
  }

  void user(String name, String password) throws Exception {
    try (Admin admin = Admin.create(withCertificate("admin"))) {
      admin
          .alterUserScramCredentials(
              List.of(
                  new UserScramCredentialUpsertion(
                      name, new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), password)))
          .all()
          .get();
    }
  }

  void allow(List<AclBinding> bindings) throws Exception {
    try (Admin admin = Admin.create(withCertificate("admin"))) {
      admin.createAcls(bindings).all().get();
    }
  }

  @Override
  public void close() {
    broker.close();
  }

  private void certify(String... clients) throws Exception {
    Path all = directory.resolve("all.p12");
    keytool(all, "ca", "-ext", "bc:c");
    List<String> names = new ArrayList<>(List.of(clients));
    names.addAll(List.of("broker", "admin"));
    for (String name : names) {
      keytool(all, name, "-signer", "ca", "-ext", "san=dns:localhost");
    }
    char[] password = SECRET.toCharArray();
    KeyStore made = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(all)) {
      made.load(in, password);
    }
    for (String name : names) {
      KeyStore own = empty();
      own.setKeyEntry(name, made.getKey(name, password), password, made.getCertificateChain(name));
      store(own, keyStore(name));
    }
    KeyStore trusted = empty();
    trusted.setCertificateEntry("ca", made.getCertificate("ca"));
    store(trusted, trustStore());
  }

  private static KeyStore empty() throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    return store;
  }

  private static void store(KeyStore store, Path file) throws Exception {
    try (OutputStream out = Files.newOutputStream(file)) {
      store.store(out, SECRET.toCharArray());
    }
  }

  private static void keytool(Path store, String name, String... more) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-keystore",
                store.toString(),
                "-storepass",
                SECRET,
                "-alias",
                name,
                "-dname",
                "CN=" + name,
                "-keyalg",
                "EC",
                "-validity",
                "2"));
    command.addAll(List.of(more));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes());
    assertThat(process.waitFor()).as(said).isZero();
  }
}
