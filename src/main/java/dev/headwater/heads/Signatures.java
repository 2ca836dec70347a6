package dev.headwater.heads;

import dev.headwater.schema.RejectedHeadException;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;

/**
 * Ed25519 signatures (RFC 8032) on the records of the heads topic, in the header {@value #HEADER}.
 * If trusted keys are configured, readers ignore all records without a signature by one of them. A
 * signature covers topic, key and value of one record; see docs/design/heads.md.
 */
public final class Signatures {
  static final String HEADER = "headwater-signature";

  /** Signs nothing and trusts everything. */
  public static final Signatures NONE = new Signatures(Optional.empty(), List.of());

  /** Domain separation from signatures for other purposes or in later formats. */
  private static final String DOMAIN = "headwater heads record, form 1";

  private static final String ALGORITHM = "Ed25519";
  private static final Pattern PEM =
      Pattern.compile("-----BEGIN ([A-Z0-9 ]+)-----\\s+([A-Za-z0-9+/=\\s]+)-----END \\1-----\\s*");

  private final Optional<PrivateKey> key;
  private final List<PublicKey> trusted;

  private Signatures(Optional<PrivateKey> key, List<PublicKey> trusted) {
    this.key = key;
    this.trusted = List.copyOf(trusted);
  }

  /**
   * Reads the keys.
   *
   * @param signingKey unencrypted PKCS#8 in PEM; not needed to read the topic
   * @param trustedKeys X.509 in PEM; if empty, all records are trusted, signed or not
   * @throws IllegalArgumentException if a file is not a valid key, or if the public key of the
   *     signing key is not trusted; the message never contains the content of a file
   */
  public static Signatures of(Optional<Path> signingKey, List<Path> trustedKeys) {
    if (signingKey.isEmpty() && trustedKeys.isEmpty()) {
      return NONE;
    }
    List<PublicKey> trusted = new ArrayList<>();
    for (Path file : trustedKeys) {
      trusted.add(
          read(
              file,
              "PUBLIC KEY",
              (factory, der) -> factory.generatePublic(new X509EncodedKeySpec(der))));
    }
    Optional<PrivateKey> key =
        signingKey.map(
            file ->
                read(
                    file,
                    "PRIVATE KEY",
                    (factory, der) -> factory.generatePrivate(new PKCS8EncodedKeySpec(der))));
    Signatures signatures = new Signatures(key, trusted);
    if (key.isPresent()
        && !trusted.isEmpty()
        && !signatures.trusts(signatures.sign("", "", null), "", "", null)) {
      throw new IllegalArgumentException(
          "the public key of %s is not among the trusted keys: add it to heads.trusted-keys"
              .formatted(signingKey.get()));
    }
    return signatures;
  }

  /**
   * Checks that a writer can sign.
   *
   * @throws IllegalStateException if trusted keys are configured but no signing key
   */
  public void requireKey() {
    if (!trusted.isEmpty() && key.isEmpty()) {
      throw new IllegalStateException(
          "heads must be signed by a trusted key, but no signing key is configured: set"
              + " heads.signing-key");
    }
  }

  /** Signs the record, if there is a signing key. */
  ProducerRecord<String, byte[]> sign(ProducerRecord<String, byte[]> record) {
    if (key.isPresent()) {
      record.headers().add(HEADER, sign(record.topic(), record.key(), record.value()));
    }
    return record;
  }

  /**
   * Verifies the signature of a record, if there are trusted keys.
   *
   * @throws RejectedHeadException if no trusted key signed the record
   */
  void check(ConsumerRecord<String, byte[]> record) throws RejectedHeadException {
    if (trusted.isEmpty()) {
      return;
    }
    Header header = record.headers().lastHeader(HEADER);
    if (header == null || header.value() == null) {
      throw new RejectedHeadException(
          RejectedHeadException.Cause.UNSIGNED, "The record '" + record.key() + "' is not signed.");
    }
    if (!trusts(header.value(), record.topic(), record.key(), record.value())) {
      throw new RejectedHeadException(
          RejectedHeadException.Cause.UNSIGNED,
          "The record '" + record.key() + "' is not signed by a trusted key.");
    }
  }

  private byte[] sign(String topic, @Nullable String recordKey, byte @Nullable [] value) {
    try {
      Signature signature = Signature.getInstance(ALGORITHM);
      signature.initSign(key.orElseThrow());
      signature.update(message(topic, recordKey, value));
      return signature.sign();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("failed to sign a record of the heads topic", e);
    }
  }

  private boolean trusts(
      byte[] signed, String topic, @Nullable String recordKey, byte @Nullable [] value) {
    byte[] message = message(topic, recordKey, value);
    return trusted.stream().anyMatch(publicKey -> verifies(publicKey, message, signed));
  }

  private static boolean verifies(PublicKey publicKey, byte[] message, byte[] signed) {
    try {
      Signature signature = Signature.getInstance(ALGORITHM);
      signature.initVerify(publicKey);
      signature.update(message);
      return signature.verify(signed);
    } catch (GeneralSecurityException e) {
      return false; // malformed signature
    }
  }

  /** Returns the signed bytes. Length prefixes keep them unambiguous; null is not empty. */
  private static byte[] message(String topic, @Nullable String recordKey, byte @Nullable [] value) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      write(out, DOMAIN.getBytes(StandardCharsets.UTF_8));
      write(out, topic.getBytes(StandardCharsets.UTF_8));
      write(out, recordKey == null ? null : recordKey.getBytes(StandardCharsets.UTF_8));
      write(out, value);
    } catch (IOException e) {
      throw new UncheckedIOException("failed to write to memory", e);
    }
    return bytes.toByteArray();
  }

  private static void write(DataOutputStream out, byte @Nullable [] part) throws IOException {
    out.writeInt(part == null ? -1 : part.length);
    if (part != null) {
      out.write(part);
    }
  }

  private interface Parser<K extends Key> {
    K parse(KeyFactory factory, byte[] der) throws GeneralSecurityException;
  }

  private static <K extends Key> K read(Path file, String type, Parser<K> parser) {
    try {
      Matcher pem = PEM.matcher(Files.readString(file, StandardCharsets.US_ASCII));
      if (pem.matches() && pem.group(1).equals(type)) {
        byte[] der = Base64.getMimeDecoder().decode(pem.group(2));
        return parser.parse(KeyFactory.getInstance(ALGORITHM), der);
      }
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException(invalidKey(file, type), e); // for example DER
    } catch (IOException e) {
      throw new IllegalArgumentException(file + " cannot be read: " + e, e);
    } catch (GeneralSecurityException | IllegalArgumentException e) {
      throw new IllegalArgumentException(invalidKey(file, type), e);
    }
    throw new IllegalArgumentException(invalidKey(file, type));
  }

  private static String invalidKey(Path file, String type) {
    return "%s is not an unencrypted Ed25519 %s in PEM"
        .formatted(file, type.toLowerCase(Locale.ROOT));
  }
}
