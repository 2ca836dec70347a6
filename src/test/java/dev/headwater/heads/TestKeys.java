package dev.headwater.heads;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Optional;

/** Key pairs in the files that openssl would write. */
public final class TestKeys {
  private final Path directory;

  public TestKeys(Path directory) {
    this.directory = directory;
  }

  /** Makes a pair; its files are called by the name. */
  public TestKeys pair(String name, String algorithm) throws IOException, GeneralSecurityException {
    KeyPair pair = KeyPairGenerator.getInstance(algorithm).generateKeyPair();
    pem(signing(name), "PRIVATE KEY", pair.getPrivate().getEncoded());
    pem(trusted(name), "PUBLIC KEY", pair.getPublic().getEncoded());
    return this;
  }

  public Path signing(String name) {
    return directory.resolve(name + ".key");
  }

  public Path trusted(String name) {
    return directory.resolve(name + ".pub");
  }

  /** Signs as one, trusts all of these. */
  Signatures signing(String name, String... trusted) {
    return Signatures.of(Optional.of(signing(name)), trusted(trusted));
  }

  Signatures trusting(String... names) {
    return Signatures.of(Optional.empty(), trusted(names));
  }

  private List<Path> trusted(String... names) {
    return Arrays.stream(names).map(this::trusted).toList();
  }

  static void pem(Path file, String type, byte[] der) throws IOException {
    Base64.Encoder lines = Base64.getMimeEncoder(64, new byte[] {'\n'});
    Files.writeString(
        file,
        "-----BEGIN %s-----%n%s%n-----END %s-----%n"
            .formatted(type, lines.encodeToString(der), type));
  }
}
