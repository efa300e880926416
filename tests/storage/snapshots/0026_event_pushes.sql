BEGIN TRANSACTION;
CREATE TABLE "access_token" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "prefix" VARCHAR(20) NOT NULL UNIQUE,
    "secret_hash" VARCHAR(64) NOT NULL,
    "title" VARCHAR(255) NOT NULL,
    "scopes" VARCHAR(255) NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "expires_at_ms" BIGINT,
    "last_accessed_at_ms" BIGINT,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE
, "application_id" BIGINT REFERENCES "application" ("id") ON DELETE CASCADE);
INSERT INTO "access_token" VALUES(1,'092a19b5-fbb8-4529-9705-19f169e2fced','BJo3xNtOh6eqs4TvZO2E','c2c4d8c63bbc7c701d3915b154620ce7bd26b6ec2a6c5915d6d8926b16ec9260','test','org:admin repo:admin repo:create repo:read repo:write super:user user:admin user:read',1795981802522,2111557802522,NULL,2,NULL);
CREATE TABLE "account" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "kind" VARCHAR(16) NOT NULL,
    "name" VARCHAR(255) NOT NULL UNIQUE,
    "email" VARCHAR(254),
    "password_hash" TEXT,
    "is_enabled" INT NOT NULL,
    "is_verified" INT NOT NULL,
    "is_superuser" INT NOT NULL,
    "auth_epoch" BIGINT NOT NULL,
    "tag_expiration_s" BIGINT NOT NULL,
    "invoice_email" INT NOT NULL,
    "invoice_email_address" VARCHAR(254),
    "given_name" VARCHAR(255),
    "family_name" VARCHAR(255),
    "company" VARCHAR(255),
    "location" VARCHAR(255),
    "created_at_ms" BIGINT NOT NULL,
    "last_accessed_at_ms" BIGINT,
    "deleted_at_ms" BIGINT
, "email_key" VARCHAR(508));
INSERT INTO "account" VALUES(1,'9ec49f58-de95-44b4-8bc5-1c4a408c3aed','user','ada','ada@localhost.localdomain','$argon2id$v=19$m=19456,t=2,p=1$EjxHD/Digro7sE1IjNo/Uw$bTiVc27Zj18Y2btMngBCUea6T5l3rrHgRv4bSGfkdpc',1,1,1,0,1209600,0,NULL,NULL,NULL,NULL,NULL,1795981802391,NULL,NULL,'ada@localhost.localdomain');
INSERT INTO "account" VALUES(2,'e20debb2-64c9-4ed0-b38a-33bb45bf72ce','user','bob','bob@example.com',NULL,1,1,0,0,1209600,0,NULL,NULL,NULL,NULL,NULL,1795981802507,NULL,NULL,'bob@example.com');
INSERT INTO "account" VALUES(3,'ac09ed43-e820-477f-b424-cca3b5e28cfc','organization','acme',NULL,NULL,1,1,0,0,1209600,0,NULL,NULL,NULL,NULL,NULL,1795981802511,NULL,NULL,NULL);
INSERT INTO "account" VALUES(4,'64aae601-f0d5-43bf-8c64-669b36b3ea45','robot','acme+bot',NULL,NULL,1,1,0,0,1209600,0,NULL,NULL,NULL,NULL,NULL,1795981802519,NULL,NULL,NULL);
PRAGMA writable_schema=ON;
INSERT INTO sqlite_master(type,name,tbl_name,rootpage,sql)VALUES('table','account_search','account_search',0,'CREATE VIRTUAL TABLE account_search USING fts5(name, tokenize=''trigram'')');
CREATE TABLE 'account_search_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO "account_search_config" VALUES('version',4);
CREATE TABLE 'account_search_content'(id INTEGER PRIMARY KEY, c0);
INSERT INTO "account_search_content" VALUES(1,'ada');
INSERT INTO "account_search_content" VALUES(2,'bob');
INSERT INTO "account_search_content" VALUES(3,'acme');
CREATE TABLE 'account_search_data'(id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO "account_search_data" VALUES(1,X'0304');
INSERT INTO "account_search_data" VALUES(10,X'000000000103030003010101020101030101');
INSERT INTO "account_search_data" VALUES(137438953473,X'0000000C043061646101020204');
INSERT INTO "account_search_data" VALUES(274877906945,X'0000000C0430626F6202020204');
INSERT INTO "account_search_data" VALUES(412316860417,X'00000014043061636D0302020103636D650302030408');
CREATE TABLE 'account_search_docsize'(id INTEGER PRIMARY KEY, sz BLOB);
INSERT INTO "account_search_docsize" VALUES(1,X'01');
INSERT INTO "account_search_docsize" VALUES(2,X'01');
INSERT INTO "account_search_docsize" VALUES(3,X'02');
CREATE TABLE 'account_search_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
INSERT INTO "account_search_idx" VALUES(1,X'',2);
INSERT INTO "account_search_idx" VALUES(2,X'',2);
INSERT INTO "account_search_idx" VALUES(3,X'',2);
CREATE TABLE "app_token" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "title" VARCHAR(255) NOT NULL,
    "prefix" VARCHAR(60) NOT NULL UNIQUE,
    "secret_encrypted" TEXT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "expires_at_ms" BIGINT,
    "last_accessed_at_ms" BIGINT,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE
);
INSERT INTO "app_token" VALUES(1,'0a25ec41-e6e1-4ad7-b486-76b545c0d67c','laptop','3U4BQOGIAOKV9QF32KGKEVNV0WNQSCLC6Y3PP6RBC61O1RCXSQ4FZWSLK85K','gAAAAABrDIHqbBc9TcyVF0YqONuMo_n3HvFbMm0mxp2wz7myY-8R26w1k3atgPkkqxsuTCAEzS_-Sa3SMWTCJzRi-L23duisUKnjZoAZd8m6PUjrXRYWZyFn1nREElxwdSLFMMOkVlZ49hC73IqiXaalkQJ_jk1UTA==',1795981802525,NULL,NULL,2);
CREATE TABLE "application" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "client_id" VARCHAR(32) NOT NULL UNIQUE,
    "client_secret_encrypted" TEXT NOT NULL,
    "name" VARCHAR(255) NOT NULL,
    "description" TEXT NOT NULL,
    "application_uri" VARCHAR(2000) NOT NULL,
    "redirect_uri" VARCHAR(2000) NOT NULL,
    "avatar_email" VARCHAR(254),
    "created_at_ms" BIGINT NOT NULL,
    "organization_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE
);
CREATE TABLE "audit_daily" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "namespace_id" BIGINT NOT NULL,
    "repository_id" BIGINT NOT NULL,
    "performer_id" BIGINT NOT NULL,
    "kind" VARCHAR(64) NOT NULL,
    "day" INT NOT NULL,
    "entries" BIGINT NOT NULL,
    CONSTRAINT "uid_audit_daily_namespa_aabd36" UNIQUE ("namespace_id", "day", "repository_id", "performer_id", "kind")
);
CREATE TABLE "audit_log" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "kind" VARCHAR(64) NOT NULL,
    "namespace_id" BIGINT,
    "repository_id" BIGINT,
    "performer_id" BIGINT,
    "ip" VARCHAR(64),
    "metadata" JSON NOT NULL,
    "created_at_ms" BIGINT NOT NULL
);
INSERT INTO "audit_log" VALUES(1,'user_create',1,NULL,NULL,NULL,'{"email":"ada@localhost.localdomain","username":"ada","superuser":"ada"}',1795981802392);
INSERT INTO "audit_log" VALUES(2,'account_initialized',1,NULL,NULL,NULL,'{"username":"ada"}',1795981802393);
INSERT INTO "audit_log" VALUES(3,'user_create',2,NULL,NULL,NULL,'{"email":"bob@example.com","username":"bob","superuser":null}',1795981802508);
INSERT INTO "audit_log" VALUES(4,'org_create',3,NULL,1,NULL,'{"email":null,"namespace":"acme"}',1795981802513);
INSERT INTO "audit_log" VALUES(5,'create_robot',3,NULL,1,NULL,'{"robot":"bot","description":"","unstructured_metadata":{}}',1795981802520);
INSERT INTO "audit_log" VALUES(6,'create_oauth_api_token',2,NULL,NULL,NULL,'{"token":"092a19b5-fbb8-4529-9705-19f169e2fced","scopes":"org:admin repo:admin repo:create repo:read repo:write super:user user:admin user:read","username":"bob"}',1795981802523);
INSERT INTO "audit_log" VALUES(7,'create_app_specific_token',2,NULL,2,NULL,'{"app_specific_token_title":"laptop","app_specific_token":"0a25ec41-e6e1-4ad7-b486-76b545c0d67c"}',1795981802526);
INSERT INTO "audit_log" VALUES(8,'create_repo',3,1,1,NULL,'{"repo":"app","namespace":"acme"}',1795981802530);
INSERT INTO "audit_log" VALUES(9,'create_repo',3,2,1,NULL,'{"repo":"tools/base","namespace":"acme"}',1795981802533);
INSERT INTO "audit_log" VALUES(10,'change_repo_permission',3,1,1,NULL,'{"username":"bob","repo":"app","namespace":"acme","role":"write"}',1795981802536);
INSERT INTO "audit_log" VALUES(11,'change_repo_permission',3,1,1,NULL,'{"username":"acme+bot","repo":"app","namespace":"acme","role":"read"}',1795981802539);
INSERT INTO "audit_log" VALUES(12,'push_repo',3,1,3,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a","username":"acme","tag":"latest"}',1795981802548);
INSERT INTO "audit_log" VALUES(13,'push_repo',3,1,3,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1","username":"acme","tag":"latest"}',1795981802556);
INSERT INTO "audit_log" VALUES(14,'push_repo',3,1,3,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.index.v1+json","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","username":"acme","tag":"latest"}',1795981802561);
INSERT INTO "audit_log" VALUES(15,'push_repo',3,1,3,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.index.v1+json","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","username":"acme","tag":"v1"}',1795981802565);
INSERT INTO "audit_log" VALUES(16,'change_tag_immutability',3,1,1,NULL,'{"username":"ada","repo":"app","tag":"v1","namespace":"acme","immutable":true,"previous_immutable":false}',1795981802567);
INSERT INTO "audit_log" VALUES(17,'create_tag',3,1,1,NULL,'{"username":"ada","repo":"app","tag":"v2","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","namespace":"acme","original_manifest_digest":null}',1795981802570);
INSERT INTO "audit_log" VALUES(18,'change_tag_expiration',3,1,1,NULL,'{"username":"ada","repo":"app","tag":"v2","namespace":"acme","expiration_date":1796068202,"old_expiration_date":null}',1795981802572);
INSERT INTO "audit_log" VALUES(19,'push_repo',3,2,3,NULL,'{"repo":"tools/base","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:095f9e33bb2d4b4f38a811e0db7b82f866dac54e3df179f2f71cafc174afe959","username":"acme","tag":"1.0"}',1795981802579);
INSERT INTO "audit_log" VALUES(20,'create_repo',1,3,1,NULL,'{"repo":"gone","namespace":"ada"}',1795981802581);
INSERT INTO "audit_log" VALUES(21,'delete_repo',1,3,1,NULL,'{"repo":"gone","namespace":"ada"}',1795981802585);
CREATE TABLE "authorization_code" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "code_hash" VARCHAR(64) NOT NULL UNIQUE,
    "scopes" VARCHAR(255) NOT NULL,
    "redirect_uri" VARCHAR(2000) NOT NULL,
    "code_challenge" VARCHAR(128),
    "code_challenge_method" VARCHAR(8),
    "expires_at_ms" BIGINT NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "application_id" BIGINT NOT NULL REFERENCES "application" ("id") ON DELETE CASCADE
);
CREATE TABLE "blob" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "digest" VARCHAR(140) NOT NULL UNIQUE,
    "size_bytes" BIGINT NOT NULL,
    "created_at_ms" BIGINT NOT NULL
, "committed_at_ms" BIGINT, "state" VARCHAR(16) NOT NULL DEFAULT 'stored', "deleting_until_ms" BIGINT);
INSERT INTO "blob" VALUES(1,'sha256:40948e70c55857b93ae3034e63ec05e8775349d45a604fbb3b6d0a3573a7fe96',40,1795981802541,1795981802541,'stored',NULL);
INSERT INTO "blob" VALUES(2,'sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85',5,1795981802542,1795981802542,'stored',NULL);
INSERT INTO "blob" VALUES(3,'sha256:3b84d4d269107c7182b796419a332bc2569845a5898cd6187f9c54b043561576',57,1795981802550,1795981802550,'stored',NULL);
INSERT INTO "blob" VALUES(5,'sha256:c5b1d63604f273462ef36fadac3182d43ae6a6138731cf594b314835cf1c034f',78,1795981802574,1795981802574,'stored',NULL);
INSERT INTO "blob" VALUES(6,'sha256:cae662172fd450bb0cd710a769079c05bfc5d8e35efa6576edc7d0377afdd4a2',4,1795981802575,1795981802575,'stored',NULL);
CREATE TABLE "daily_activity" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "repository_id" BIGINT NOT NULL,
    "namespace_id" BIGINT NOT NULL,
    "day" INT NOT NULL,
    "actor_kind" VARCHAR(16) NOT NULL,
    "pulls" BIGINT NOT NULL,
    "checks" BIGINT NOT NULL,
    "pushes" BIGINT NOT NULL,
    CONSTRAINT "uid_daily_activ_reposit_e7e116" UNIQUE ("repository_id", "day", "actor_kind")
);
INSERT INTO "daily_activity" VALUES(1,1,3,20786,'user',0,0,4);
INSERT INTO "daily_activity" VALUES(5,2,3,20786,'user',0,0,1);
CREATE TABLE "email_code" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "code_hash" VARCHAR(64) NOT NULL UNIQUE,
    "purpose" VARCHAR(16) NOT NULL,
    "email" VARCHAR(254) NOT NULL,
    "expires_at_ms" BIGINT NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE
);
CREATE TABLE "event" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "kind" VARCHAR(64) NOT NULL,
    "namespace_id" BIGINT,
    "repository_id" BIGINT,
    "performer_id" BIGINT,
    "credential_kind" VARCHAR(16),
    "credential_id" BIGINT,
    "ip" VARCHAR(64),
    "request_id" VARCHAR(64),
    "metadata" JSON NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "transaction_id" BIGINT
);
INSERT INTO "event" VALUES(1,'user_create',1,NULL,NULL,NULL,NULL,NULL,NULL,'{"email":"ada@localhost.localdomain","username":"ada","superuser":"ada"}',1795981802393,NULL);
INSERT INTO "event" VALUES(2,'account_initialized',1,NULL,NULL,NULL,NULL,NULL,NULL,'{"username":"ada"}',1795981802393,NULL);
INSERT INTO "event" VALUES(3,'user_create',2,NULL,NULL,NULL,NULL,NULL,NULL,'{"email":"bob@example.com","username":"bob","superuser":null}',1795981802508,NULL);
INSERT INTO "event" VALUES(4,'org_create',3,NULL,1,NULL,NULL,NULL,NULL,'{"email":null,"namespace":"acme"}',1795981802513,NULL);
INSERT INTO "event" VALUES(5,'create_robot',3,NULL,1,NULL,NULL,NULL,NULL,'{"robot":"bot","description":"","unstructured_metadata":{}}',1795981802520,NULL);
INSERT INTO "event" VALUES(6,'create_oauth_api_token',2,NULL,NULL,NULL,NULL,NULL,NULL,'{"token":"092a19b5-fbb8-4529-9705-19f169e2fced","scopes":"org:admin repo:admin repo:create repo:read repo:write super:user user:admin user:read","username":"bob"}',1795981802523,NULL);
INSERT INTO "event" VALUES(7,'create_app_specific_token',2,NULL,2,NULL,NULL,NULL,NULL,'{"app_specific_token_title":"laptop","app_specific_token":"0a25ec41-e6e1-4ad7-b486-76b545c0d67c"}',1795981802526,NULL);
INSERT INTO "event" VALUES(8,'create_repo',3,1,1,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme"}',1795981802531,NULL);
INSERT INTO "event" VALUES(9,'create_repo',3,2,1,NULL,NULL,NULL,NULL,'{"repo":"tools/base","namespace":"acme"}',1795981802533,NULL);
INSERT INTO "event" VALUES(10,'change_repo_permission',3,1,1,NULL,NULL,NULL,NULL,'{"username":"bob","repo":"app","namespace":"acme","role":"write"}',1795981802536,NULL);
INSERT INTO "event" VALUES(11,'change_repo_permission',3,1,1,NULL,NULL,NULL,NULL,'{"username":"acme+bot","repo":"app","namespace":"acme","role":"read"}',1795981802539,NULL);
INSERT INTO "event" VALUES(12,'create_tag',3,1,3,NULL,NULL,NULL,NULL,'{"username":"acme","repo":"app","tag":"latest","manifest_digest":"sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a","namespace":"acme","original_manifest_digest":null}',1795981802548,NULL);
INSERT INTO "event" VALUES(13,'push_repo',3,1,3,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a","username":"acme","tag":"latest"}',1795981802548,NULL);
INSERT INTO "event" VALUES(14,'move_tag',3,1,3,NULL,NULL,NULL,NULL,'{"username":"acme","repo":"app","tag":"latest","manifest_digest":"sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1","namespace":"acme","original_manifest_digest":"sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a"}',1795981802556,NULL);
INSERT INTO "event" VALUES(15,'push_repo',3,1,3,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1","username":"acme","tag":"latest"}',1795981802556,NULL);
INSERT INTO "event" VALUES(16,'move_tag',3,1,3,NULL,NULL,NULL,NULL,'{"username":"acme","repo":"app","tag":"latest","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","namespace":"acme","original_manifest_digest":"sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1"}',1795981802561,NULL);
INSERT INTO "event" VALUES(17,'push_repo',3,1,3,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.index.v1+json","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","username":"acme","tag":"latest"}',1795981802561,NULL);
INSERT INTO "event" VALUES(18,'create_tag',3,1,3,NULL,NULL,NULL,NULL,'{"username":"acme","repo":"app","tag":"v1","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","namespace":"acme","original_manifest_digest":null}',1795981802565,NULL);
INSERT INTO "event" VALUES(19,'push_repo',3,1,3,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.index.v1+json","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","username":"acme","tag":"v1"}',1795981802565,NULL);
INSERT INTO "event" VALUES(20,'change_tag_immutability',3,1,1,NULL,NULL,NULL,NULL,'{"username":"ada","repo":"app","tag":"v1","namespace":"acme","immutable":true,"previous_immutable":false}',1795981802567,NULL);
INSERT INTO "event" VALUES(21,'create_tag',3,1,1,NULL,NULL,NULL,NULL,'{"username":"ada","repo":"app","tag":"v2","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","namespace":"acme","original_manifest_digest":null}',1795981802570,NULL);
INSERT INTO "event" VALUES(22,'change_tag_expiration',3,1,1,NULL,NULL,NULL,NULL,'{"username":"ada","repo":"app","tag":"v2","namespace":"acme","expiration_date":1796068202,"old_expiration_date":null}',1795981802572,NULL);
INSERT INTO "event" VALUES(23,'create_tag',3,2,3,NULL,NULL,NULL,NULL,'{"username":"acme","repo":"tools/base","tag":"1.0","manifest_digest":"sha256:095f9e33bb2d4b4f38a811e0db7b82f866dac54e3df179f2f71cafc174afe959","namespace":"acme","original_manifest_digest":null}',1795981802579,NULL);
INSERT INTO "event" VALUES(24,'push_repo',3,2,3,NULL,NULL,NULL,NULL,'{"repo":"tools/base","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:095f9e33bb2d4b4f38a811e0db7b82f866dac54e3df179f2f71cafc174afe959","username":"acme","tag":"1.0"}',1795981802579,NULL);
INSERT INTO "event" VALUES(25,'create_repo',1,3,1,NULL,NULL,NULL,NULL,'{"repo":"gone","namespace":"ada"}',1795981802581,NULL);
INSERT INTO "event" VALUES(26,'delete_repo',1,3,1,NULL,NULL,NULL,NULL,'{"repo":"gone","namespace":"ada"}',1795981802585,NULL);
CREATE TABLE "global_message" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "content" TEXT NOT NULL,
    "media_type" VARCHAR(64) NOT NULL,
    "severity" VARCHAR(16) NOT NULL,
    "created_at_ms" BIGINT NOT NULL
);
CREATE TABLE "immutability_policy" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "tag_pattern" VARCHAR(256) NOT NULL,
    "tag_pattern_matches" INT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "namespace_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT REFERENCES "repository" ("id") ON DELETE CASCADE
);
CREATE TABLE "job" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "kind" VARCHAR(64) NOT NULL,
    "payload" JSON NOT NULL,
    "state" VARCHAR(16) NOT NULL,
    "run_at_ms" BIGINT NOT NULL,
    "attempts" INT NOT NULL,
    "lease_holder" VARCHAR(64),
    "lease_until_ms" BIGINT,
    "error" TEXT,
    "created_at_ms" BIGINT NOT NULL,
    "finished_at_ms" BIGINT
, "namespace_id" BIGINT, "started_at_ms" BIGINT, "cancel_requested_at_ms" BIGINT, "progress_done" BIGINT, "progress_total" BIGINT, "result" TEXT);
INSERT INTO "job" VALUES(1,'repository.purge','{"repository_id":3}','waiting',1795981802585,0,NULL,NULL,NULL,1795981802585,NULL,1,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "job" VALUES(2,'upload.expire','{}','waiting',1795981802588,0,NULL,NULL,NULL,1795981802588,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE "label" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "key" VARCHAR(255) NOT NULL,
    "value" TEXT NOT NULL,
    "media_type" VARCHAR(64) NOT NULL,
    "source" VARCHAR(16) NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "manifest_id" BIGINT NOT NULL REFERENCES "manifest" ("id") ON DELETE CASCADE
);
CREATE TABLE "lease" (
    "name" VARCHAR(64) NOT NULL  PRIMARY KEY,
    "holder" VARCHAR(64) NOT NULL,
    "expires_at_ms" BIGINT NOT NULL
);
INSERT INTO "lease" VALUES('job-runner','elsewhere:1:1',1795981802590);
CREATE TABLE "mail" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "recipient" VARCHAR(254) NOT NULL,
    "subject" VARCHAR(255) NOT NULL,
    "body" TEXT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "sent_at_ms" BIGINT,
    "error" TEXT
);
CREATE TABLE "manifest" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "digest" VARCHAR(140) NOT NULL,
    "media_type" VARCHAR(255) NOT NULL,
    "artifact_type" VARCHAR(255),
    "size_bytes" BIGINT NOT NULL,
    "layers_size_bytes" BIGINT NOT NULL,
    "is_index" INT NOT NULL,
    "config_digest" VARCHAR(140),
    "config_media_type" VARCHAR(255),
    "subject_digest" VARCHAR(140),
    "annotations" JSON,
    "os" VARCHAR(64),
    "architecture" VARCHAR(64),
    "variant" VARCHAR(64),
    "created_at_ms" BIGINT NOT NULL,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE, "artifact_kind" VARCHAR(16), "deleted_digest" VARCHAR(140), "deleted_subject_digest" VARCHAR(140), "pushed_at_ms" BIGINT, "collected_at_ms" BIGINT,
    CONSTRAINT "uid_manifest_reposit_48a89c" UNIQUE ("repository_id", "digest")
);
INSERT INTO "manifest" VALUES(1,'sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a','application/vnd.oci.image.manifest.v1+json','application/vnd.oci.image.config.v1+json',398,5,0,'sha256:40948e70c55857b93ae3034e63ec05e8775349d45a604fbb3b6d0a3573a7fe96','application/vnd.oci.image.config.v1+json',NULL,NULL,'linux','amd64',NULL,1795981802545,1,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "manifest" VALUES(2,'sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1','application/vnd.oci.image.manifest.v1+json','application/vnd.oci.image.config.v1+json',398,5,0,'sha256:3b84d4d269107c7182b796419a332bc2569845a5898cd6187f9c54b043561576','application/vnd.oci.image.config.v1+json',NULL,NULL,'linux','arm64','v8',1795981802554,1,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "manifest" VALUES(3,'sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088','application/vnd.oci.image.index.v1+json',NULL,393,0,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795981802559,1,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "manifest" VALUES(4,'sha256:095f9e33bb2d4b4f38a811e0db7b82f866dac54e3df179f2f71cafc174afe959','application/vnd.oci.image.manifest.v1+json','application/vnd.oci.image.config.v1+json',398,4,0,'sha256:c5b1d63604f273462ef36fadac3182d43ae6a6138731cf594b314835cf1c034f','application/vnd.oci.image.config.v1+json',NULL,NULL,'linux','amd64',NULL,1795981802577,2,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE "manifest_blob" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "position" INT NOT NULL,
    "role" VARCHAR(16) NOT NULL,
    "digest" VARCHAR(140) NOT NULL,
    "media_type" VARCHAR(255) NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "is_distributable" INT NOT NULL,
    "manifest_id" BIGINT NOT NULL REFERENCES "manifest" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_manifest_bl_manifes_1ad51e" UNIQUE ("manifest_id", "position")
);
INSERT INTO "manifest_blob" VALUES(1,0,'config','sha256:40948e70c55857b93ae3034e63ec05e8775349d45a604fbb3b6d0a3573a7fe96','application/vnd.oci.image.config.v1+json',40,1,1);
INSERT INTO "manifest_blob" VALUES(2,1,'layer','sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85','application/vnd.oci.image.layer.v1.tar+gzip',5,1,1);
INSERT INTO "manifest_blob" VALUES(3,0,'config','sha256:3b84d4d269107c7182b796419a332bc2569845a5898cd6187f9c54b043561576','application/vnd.oci.image.config.v1+json',57,1,2);
INSERT INTO "manifest_blob" VALUES(4,1,'layer','sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85','application/vnd.oci.image.layer.v1.tar+gzip',5,1,2);
INSERT INTO "manifest_blob" VALUES(5,0,'config','sha256:c5b1d63604f273462ef36fadac3182d43ae6a6138731cf594b314835cf1c034f','application/vnd.oci.image.config.v1+json',78,1,4);
INSERT INTO "manifest_blob" VALUES(6,1,'layer','sha256:cae662172fd450bb0cd710a769079c05bfc5d8e35efa6576edc7d0377afdd4a2','application/vnd.oci.image.layer.v1.tar+gzip',4,1,4);
CREATE TABLE "manifest_body" (
    "body" BLOB NOT NULL,
    "manifest_id" BIGINT NOT NULL  PRIMARY KEY REFERENCES "manifest" ("id") ON DELETE CASCADE
);
INSERT INTO "manifest_body" VALUES(X'7B22736368656D6156657273696F6E223A322C226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22636F6E666967223A7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E636F6E6669672E76312B6A736F6E222C22646967657374223A227368613235363A34303934386537306335353835376239336165333033346536336563303565383737353334396434356136303466626233623664306133353733613766653936222C2273697A65223A34307D2C226C6179657273223A5B7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6C617965722E76312E7461722B677A6970222C22646967657374223A227368613235363A64616331643763666139353032313736343834396664313032353234653134313438386335653361393066383631646262356131326439616338353834663835222C2273697A65223A357D5D7D',1);
INSERT INTO "manifest_body" VALUES(X'7B22736368656D6156657273696F6E223A322C226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22636F6E666967223A7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E636F6E6669672E76312B6A736F6E222C22646967657374223A227368613235363A33623834643464323639313037633731383262373936343139613333326263323536393834356135383938636436313837663963353462303433353631353736222C2273697A65223A35377D2C226C6179657273223A5B7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6C617965722E76312E7461722B677A6970222C22646967657374223A227368613235363A64616331643763666139353032313736343834396664313032353234653134313438386335653361393066383631646262356131326439616338353834663835222C2273697A65223A357D5D7D',2);
INSERT INTO "manifest_body" VALUES(X'7B22736368656D6156657273696F6E223A322C226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E696E6465782E76312B6A736F6E222C226D616E696665737473223A5B7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22646967657374223A227368613235363A63626433656335656636613466623635333437326661613736333535373163626135363162613363663564656362646161633239653665353031663738633861222C2273697A65223A3339387D2C7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22646967657374223A227368613235363A35323231343835646366346434326138633639613864326664666366323964323062303037326166633765633563643666306632643438663235333836306431222C2273697A65223A3339387D5D7D',3);
INSERT INTO "manifest_body" VALUES(X'7B22736368656D6156657273696F6E223A322C226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22636F6E666967223A7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E636F6E6669672E76312B6A736F6E222C22646967657374223A227368613235363A63356231643633363034663237333436326566333666616461633331383264343361653661363133383733316366353934623331343833356366316330333466222C2273697A65223A37387D2C226C6179657273223A5B7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6C617965722E76312E7461722B677A6970222C22646967657374223A227368613235363A63616536363231373266643435306262306364373130613736393037396330356266633564386533356566613635373665646337643033373761666464346132222C2273697A65223A347D5D7D',4);
CREATE TABLE "manifest_child" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "position" INT NOT NULL,
    "digest" VARCHAR(140) NOT NULL,
    "media_type" VARCHAR(255) NOT NULL,
    "artifact_type" VARCHAR(255),
    "size_bytes" BIGINT NOT NULL,
    "os" VARCHAR(64),
    "architecture" VARCHAR(64),
    "variant" VARCHAR(64),
    "manifest_id" BIGINT NOT NULL REFERENCES "manifest" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_manifest_ch_manifes_11c957" UNIQUE ("manifest_id", "position")
);
INSERT INTO "manifest_child" VALUES(1,0,'sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a','application/vnd.oci.image.manifest.v1+json',NULL,398,NULL,NULL,NULL,3);
INSERT INTO "manifest_child" VALUES(2,1,'sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1','application/vnd.oci.image.manifest.v1+json',NULL,398,NULL,NULL,NULL,3);
CREATE TABLE "manifest_pulls" (
    "manifest_id" BIGINT NOT NULL  PRIMARY KEY,
    "pulls" BIGINT NOT NULL,
    "last_pulled_at_ms" BIGINT NOT NULL
);
CREATE TABLE "permission_prototype" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "role" VARCHAR(16) NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "activating_account_id" BIGINT REFERENCES "account" ("id") ON DELETE CASCADE,
    "delegate_account_id" BIGINT REFERENCES "account" ("id") ON DELETE CASCADE,
    "delegate_team_id" BIGINT REFERENCES "team" ("id") ON DELETE CASCADE,
    "organization_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE
);
CREATE TABLE "plan" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "kind" VARCHAR(64) NOT NULL,
    "arguments" JSON NOT NULL,
    "fingerprint" VARCHAR(64) NOT NULL,
    "expires_at_ms" BIGINT NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE
);
CREATE TABLE "rate_count" (
    "key" VARCHAR(64) NOT NULL  PRIMARY KEY,
    "count" INT NOT NULL,
    "began_at_ms" BIGINT NOT NULL
);
INSERT INTO "rate_count" VALUES('255e66971e280cf3dd98e9616c20f6dfa0c3a86578e7c2ea853093c1c1cbd3ed',1,1795981802587);
INSERT INTO "rate_count" VALUES('256e21d7cf42898464e9eceb1a0eafdde7ffba4c276e54745f2127a36f40dc96',1,1795981802587);
CREATE TABLE "repository" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "name" VARCHAR(255) NOT NULL,
    "visibility" VARCHAR(16) NOT NULL,
    "state" VARCHAR(24) NOT NULL,
    "description" TEXT,
    "badge_token" VARCHAR(64) NOT NULL,
    "auth_epoch" BIGINT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "deleted_at_ms" BIGINT,
    "namespace_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE RESTRICT, "path" VARCHAR(511), "popularity_level" INT NOT NULL DEFAULT 0,
    CONSTRAINT "uid_repository_namespa_e3d1c2" UNIQUE ("namespace_id", "name")
);
INSERT INTO "repository" VALUES(1,'941d18df-edfd-45ea-9c5b-4b8651e9a34e','app','private','NORMAL',NULL,'QMNKNUSCTWNOJEL8BYMIFWFJ41HWMD3CBSFN3V2T',0,1795981802528,NULL,3,'acme/app',0);
INSERT INTO "repository" VALUES(2,'59b0c30c-284a-4f37-a9bd-e6075d84054a','tools/base','public','NORMAL',NULL,'SAKP803ZS3DHOEGB88IXAE39FQGBXLXJ53ZTHAIU',0,1795981802533,NULL,3,'acme/tools/base',0);
INSERT INTO "repository" VALUES(3,'690d3603-d1e9-4c25-ae76-a3f1b61a1772','690d3603-d1e9-4c25-ae76-a3f1b61a1772','private','MARKED_FOR_DELETION',NULL,'K8A4P4GPRN6775XDWHA2HEMDEXCS5BP65SWNR7CX',1,1795981802581,1795981802584,1,'ada/690d3603-d1e9-4c25-ae76-a3f1b61a1772',0);
CREATE TABLE "repository_blob" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "blob_id" BIGINT NOT NULL REFERENCES "blob" ("id") ON DELETE RESTRICT,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_repository__reposit_b80265" UNIQUE ("repository_id", "blob_id")
);
INSERT INTO "repository_blob" VALUES(1,1795981802541,1,1);
INSERT INTO "repository_blob" VALUES(2,1795981802552,2,1);
INSERT INTO "repository_blob" VALUES(3,1795981802550,3,1);
INSERT INTO "repository_blob" VALUES(5,1795981802574,5,2);
INSERT INTO "repository_blob" VALUES(6,1795981802575,6,2);
CREATE TABLE "repository_permission" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "role" VARCHAR(16) NOT NULL,
    "account_id" BIGINT REFERENCES "account" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE,
    "team_id" BIGINT REFERENCES "team" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_repository__reposit_c70dc7" UNIQUE ("repository_id", "account_id"),
    CONSTRAINT "uid_repository__reposit_3d7a50" UNIQUE ("repository_id", "team_id")
);
INSERT INTO "repository_permission" VALUES(1,'admin',1,1,NULL);
INSERT INTO "repository_permission" VALUES(2,'admin',1,2,NULL);
INSERT INTO "repository_permission" VALUES(3,'write',2,1,NULL);
INSERT INTO "repository_permission" VALUES(4,'read',4,1,NULL);
INSERT INTO sqlite_master(type,name,tbl_name,rootpage,sql)VALUES('table','repository_search','repository_search',0,'CREATE VIRTUAL TABLE repository_search USING fts5(name, description, tokenize=''trigram'')');
CREATE TABLE 'repository_search_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO "repository_search_config" VALUES('version',4);
CREATE TABLE 'repository_search_content'(id INTEGER PRIMARY KEY, c0, c1);
INSERT INTO "repository_search_content" VALUES(1,'app',NULL);
INSERT INTO "repository_search_content" VALUES(2,'tools/base',NULL);
CREATE TABLE 'repository_search_data'(id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO "repository_search_data" VALUES(1,X'020900');
INSERT INTO "repository_search_data" VALUES(10,X'000000000104040004010101020101030101040101');
INSERT INTO "repository_search_data" VALUES(137438953473,X'0000000C043061707001020204');
INSERT INTO "repository_search_data" VALUES(274877906945,X'0000004304302F62610202070103617365020209010362617302020801036C732F02020501036F6C7302020402026F6C0202030103732F620202060103746F6F0202020408080808080708');
INSERT INTO "repository_search_data" VALUES(412316860417,X'000000140430676F6E03020201036F6E650302030408');
INSERT INTO "repository_search_data" VALUES(549755813889,X'000000120430676F6E030101036F6E6503010407');
CREATE TABLE 'repository_search_docsize'(id INTEGER PRIMARY KEY, sz BLOB);
INSERT INTO "repository_search_docsize" VALUES(1,X'0100');
INSERT INTO "repository_search_docsize" VALUES(2,X'0800');
CREATE TABLE 'repository_search_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
INSERT INTO "repository_search_idx" VALUES(1,X'',2);
INSERT INTO "repository_search_idx" VALUES(2,X'',2);
INSERT INTO "repository_search_idx" VALUES(3,X'',2);
INSERT INTO "repository_search_idx" VALUES(4,X'',2);
INSERT INTO sqlite_master(type,name,tbl_name,rootpage,sql)VALUES('table','repository_search_private_description','repository_search_private_description',0,'CREATE VIRTUAL TABLE repository_search_private_description USING fts5(description, tokenize=''trigram'')');
CREATE TABLE 'repository_search_private_description_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO "repository_search_private_description_config" VALUES('version',4);
CREATE TABLE 'repository_search_private_description_content'(id INTEGER PRIMARY KEY, c0);
INSERT INTO "repository_search_private_description_content" VALUES(1,NULL);
CREATE TABLE 'repository_search_private_description_data'(id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO "repository_search_private_description_data" VALUES(1,X'0100');
INSERT INTO "repository_search_private_description_data" VALUES(10,X'00000000000000');
CREATE TABLE 'repository_search_private_description_docsize'(id INTEGER PRIMARY KEY, sz BLOB);
INSERT INTO "repository_search_private_description_docsize" VALUES(1,X'00');
CREATE TABLE 'repository_search_private_description_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
INSERT INTO sqlite_master(type,name,tbl_name,rootpage,sql)VALUES('table','repository_search_private_name','repository_search_private_name',0,'CREATE VIRTUAL TABLE repository_search_private_name USING fts5(name, tokenize=''trigram'')');
CREATE TABLE 'repository_search_private_name_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO "repository_search_private_name_config" VALUES('version',4);
CREATE TABLE 'repository_search_private_name_content'(id INTEGER PRIMARY KEY, c0);
INSERT INTO "repository_search_private_name_content" VALUES(1,'app');
CREATE TABLE 'repository_search_private_name_data'(id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO "repository_search_private_name_data" VALUES(1,X'0101');
INSERT INTO "repository_search_private_name_data" VALUES(10,X'000000000103030003010101020101030101');
INSERT INTO "repository_search_private_name_data" VALUES(137438953473,X'0000000C043061707001020204');
INSERT INTO "repository_search_private_name_data" VALUES(274877906945,X'000000140430676F6E03020201036F6E650302030408');
INSERT INTO "repository_search_private_name_data" VALUES(412316860417,X'000000120430676F6E030101036F6E6503010407');
CREATE TABLE 'repository_search_private_name_docsize'(id INTEGER PRIMARY KEY, sz BLOB);
INSERT INTO "repository_search_private_name_docsize" VALUES(1,X'01');
CREATE TABLE 'repository_search_private_name_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
INSERT INTO "repository_search_private_name_idx" VALUES(1,X'',2);
INSERT INTO "repository_search_private_name_idx" VALUES(2,X'',2);
INSERT INTO "repository_search_private_name_idx" VALUES(3,X'',2);
INSERT INTO sqlite_master(type,name,tbl_name,rootpage,sql)VALUES('table','repository_search_public_description','repository_search_public_description',0,'CREATE VIRTUAL TABLE repository_search_public_description USING fts5(description, tokenize=''trigram'')');
CREATE TABLE 'repository_search_public_description_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO "repository_search_public_description_config" VALUES('version',4);
CREATE TABLE 'repository_search_public_description_content'(id INTEGER PRIMARY KEY, c0);
INSERT INTO "repository_search_public_description_content" VALUES(2,NULL);
CREATE TABLE 'repository_search_public_description_data'(id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO "repository_search_public_description_data" VALUES(1,X'0100');
INSERT INTO "repository_search_public_description_data" VALUES(10,X'00000000000000');
CREATE TABLE 'repository_search_public_description_docsize'(id INTEGER PRIMARY KEY, sz BLOB);
INSERT INTO "repository_search_public_description_docsize" VALUES(2,X'00');
CREATE TABLE 'repository_search_public_description_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
INSERT INTO sqlite_master(type,name,tbl_name,rootpage,sql)VALUES('table','repository_search_public_name','repository_search_public_name',0,'CREATE VIRTUAL TABLE repository_search_public_name USING fts5(name, tokenize=''trigram'')');
CREATE TABLE 'repository_search_public_name_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO "repository_search_public_name_config" VALUES('version',4);
CREATE TABLE 'repository_search_public_name_content'(id INTEGER PRIMARY KEY, c0);
INSERT INTO "repository_search_public_name_content" VALUES(2,'tools/base');
CREATE TABLE 'repository_search_public_name_data'(id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO "repository_search_public_name_data" VALUES(1,X'0108');
INSERT INTO "repository_search_public_name_data" VALUES(10,X'000000000101010001010101');
INSERT INTO "repository_search_public_name_data" VALUES(137438953473,X'0000004304302F62610202070103617365020209010362617302020801036C732F02020501036F6C7302020402026F6C0202030103732F620202060103746F6F0202020408080808080708');
CREATE TABLE 'repository_search_public_name_docsize'(id INTEGER PRIMARY KEY, sz BLOB);
INSERT INTO "repository_search_public_name_docsize" VALUES(2,X'08');
CREATE TABLE 'repository_search_public_name_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
INSERT INTO "repository_search_public_name_idx" VALUES(1,X'',2);
CREATE TABLE "robot" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "token_encrypted" TEXT NOT NULL,
    "description" TEXT NOT NULL,
    "unstructured_metadata" JSON NOT NULL,
    "owner_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE RESTRICT,
    "account_id" BIGINT NOT NULL UNIQUE REFERENCES "account" ("id") ON DELETE CASCADE
);
INSERT INTO "robot" VALUES(1,'gAAAAABrDIHqG5N82uVb2bZimnSd-_bUNAW-d6UW87ChNLGgCotN2EjUojUSgH_7jB03NnPEAJvbfRWgvQ-ti0xQSoWbpUX6926442JZSy9xGw7mhWLB1O9fNE9L_YFLtm_ob-HtRo35VWMSlSCT8WzzjkpWUCs2sTVkZvbkFFNP0ReOo2UdIms=','','{}',3,4);
CREATE TABLE "robot_federation" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "issuer" VARCHAR(255) NOT NULL,
    "subject" VARCHAR(255) NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_robot_feder_account_2b40ea" UNIQUE ("account_id", "issuer", "subject")
);
CREATE TABLE "service_key" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "kid" VARCHAR(64) NOT NULL UNIQUE,
    "service" VARCHAR(255) NOT NULL,
    "private_key_encrypted" TEXT,
    "public_key" TEXT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "expires_at_ms" BIGINT
);
INSERT INTO "service_key" VALUES(1,'quayside-registry-1','quayside-registry','gAAAAABrDIHqRdRMqe0NTcruF9_nDFNDeWOhBvx1G3Lo6n2U_fiRtqrcnhqUQRLbMRI3DNBIgEF5UjTKk1tAt9PwYfOlqk3dZjuhpnKg2yiVwNWSWLjV0SYAXOPqC2UDrOpLkjnA_inN_7n5ih0kUoLhpYpf1lBfhzCy63kRZ8MQukd2giQx7q5xUi93Ep6PIQqi4h3tSvCcXjInaewx_-0eQIy-Axp5Om-mpFcB_UebTWuHxjWCLoVtn0IKhYZIKrPyQzkggGMg4G7f3uzjp622Uis-FRxkSqPHuH2qpGlK725SpnGo6-dr3cBSHfp3l9UIIhlzKBa_vGr_WjMBe-1HwFkqpSqwN-mFgVzMuZ2ugft5lnM9RwjdNL4Sy4r_kT8uS76tN_XSZYSAhy6VXsqOIgLR4-aTOiPFqT1lCaNjbdxtmgucSyYkS8Q2rqR1eOlMmICPjhjDeHYUvvuNZYdTNcbQqijPgVSPQYTjbVgEPkr9w6kbqn5hrK97ZEvAAfNYITE-tuUCG-mGp_-qZrTHjrt9ITTkTAAXCl6yCbk3XCu85OhBws5hYlkfjUn7TPFe9nYaT_vhF2L9WLqs_6dER_qTkPuecgiF5QbNavBPQr8epgRgHoOeCE7Tn0PYJ1KknCz6W8S-TZg8trajYz-VKGcTIPjrDXQn44bMOsaVSwEedVJQRRiuZrtb6MQhRZARY9MDv6EfF0Y1JZjpv7xarKpJ9sJHIvcMS1yTzqwGo9ddIUnTEtfeNYmMK9RIfXD9gvKYSu6cN2H-bDao40Y2-6NKO_4o2eBRhriGm5pKs7jiFaD9Uvp5fbLvbxTLgGRoI4KLsSxxhy-4Nocgy9W6XeX9r-IlunSKTYvGxyZtaU4QFbVgwvP2err--x7J97ezJyi81mEPdiigo2U6TL0ybFVQmzXzxFBmSRcN33MrBgjiBxSvAiSzxe3I-iTgiUJSMl3Ubc0tduPsdVkZKFfgyLJv0g6aPq_y6K6h-mF-w0ijqjPq2CjrxcYWFFaWteH3bw_ebpwphB86cl0ItbkCzsyQ1QDu0wvC7-mTldbsEE4G3B6xXaIBDupxDzYjL-zp0_u5yPl9yCVqiGmH8uLds3iInyYeO_Qvzf5jFHQ1d_jQ1R4D2UCuW40iskrPRRqinz0MyZCR4XLWTw06Tl75qEIxQ3xRVNIn-apV9xPYymZkpcHFZUgCBmJC1fq6T19aDjNKdQWnWRJgo0tElzYz9qGkkwW3ocxF1Qi9A2ix9fLHYyqGR7NWD5OUxJuu1iBsOOJKY-qhUX1ybce8pFC0k12Y1RAOVTPjlzCGYshHYPModWZOvyczW5lY3B-6uBauShAgKWRUOgETz3bf7xk2IOBVCq8WETmxWdqpSC9hbw68GkRUcWOLj0rz6IDfnImACrwuqick-h1jZzbKsajTCpeMehGjFN6kFJuymV5ZIq5Pf60pqWMGWHkJZy63rwKhktx5Z2R_NMXCHL3MEk-LIUHAG7KdhoWOUHHQL23M33BzbqX9j3L0QqebAZSlKqyc1pzhFUD3-foaIV8ywDMzDCcGFX7Pa4hrOwbmiJXdqSF1G1Go07tqwYZFKkr12QF6b2YWkihyal3L6BeauGSwjOEvBA30aoU-0WYM92UougxwU0FZ7PrDyDR4OwsdZfyBpONZ6KffdkjdxwCinrQXe43GFdecjoTQhH4EpTrYOKM4BNmxyHCgV5cYpid_1PTO9eHOPaj21d67TbCb1VY2hEuXWEHi_kVcqDX2JLQDJrvPQrret7p8hWpcIr37e05t4ZiLzLRx-EzhSX6xW7XLfctbZ8EaePdmHWM-Zkjyocwf_4Jc2DFXzcThol9NG01O0v9X-3Z3k1wgh_iqAvdwhidDHK5_zjll1nDJrwOw7YCQQr-iiDVAyg5v0BDAgDYGtSaHA5wdyZerR8fPv5dUFQO6W6rxstvtLMJvSkQktJ7r5ZBkXGszkF7Mu3lQ-PPSzegMe7MWRW8nZ6oxmX95aDbycZtwY3FH83F_4-taRVK4GGGm4xGQniSN10h7n5GEpJ62qvfhjpe1xM9birV7yxYLTTg26d5SHrY8R5BlvvkK8PHTTe6XsUQYoVOfU4gV5AW22NB1ZTMf2VylqqAw59BsQB1KF4m41--zbgcyELwPEXzoVvZ9SUZdo11RsBVwzRnL2a6QXmH-4JA7RkKgUPVdsJIKyNeaFPyIMIRq-ouX9pCbouyUDqF9R0CZgE8c6EV_wV_SKwTFHnqqSbKOsai_fH_m2IdIU5hceVwl9HjD3g7sIxrVBeQkyXxecsPwu-80DNcT0-jk5cngc70p-kTbUca3Ijw3K2e7wZM9u0YkT7EwKec=','-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0npGuBu+13Gp00fSV4Xs
RyH+CJyR15blr80/kXFcyZ4YPaPm13tfOYO/xjxpksD5zuPbSEVnaKoDzHJjaWuO
gSkd3U+H50dnB+mNA8o20o2+MQGD/Lexo5lubU346TWkr5VPWzE/SLBxg+KwCE2W
XshtAawtNf2RclSFIgY7ueAl92e2C/SrffXppvlDnpL/o98SLyJV5y6XDxiUjgVh
2+1ok4+kR08xJ1L8P43GdOKoSKVX2b9T77OfOaNZucj3Cb/WTqb7JQK5W+JIzXvf
8dMqaNEZ/KBpOoybI/l6hRC6W2iClNArld6KAU6wsv+QfdyrmSiAo+Hjjd1SGRXc
YQIDAQAB
-----END PUBLIC KEY-----
',1795981802464,NULL);
CREATE TABLE "session" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "cookie_hash" VARCHAR(64) NOT NULL UNIQUE,
    "authenticated_at_ms" BIGINT,
    "created_at_ms" BIGINT NOT NULL,
    "expires_at_ms" BIGINT NOT NULL,
    "account_id" BIGINT REFERENCES "account" ("id") ON DELETE CASCADE
);
CREATE TABLE "sign_in_failure" (
    "key" VARCHAR(64) NOT NULL  PRIMARY KEY,
    "failures" INT NOT NULL,
    "last_failed_at_ms" BIGINT NOT NULL
, "succeeded_at_ms" BIGINT, "fingerprint" VARCHAR(64));
CREATE TABLE "site_setting" (
    "name" VARCHAR(64) NOT NULL  PRIMARY KEY,
    "value" TEXT NOT NULL
);
INSERT INTO "site_setting" VALUES('initialized','ada');
CREATE TABLE "star" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_star_account_2e3f35" UNIQUE ("account_id", "repository_id")
);
CREATE TABLE "stray_upload" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "found_at_ms" BIGINT NOT NULL
);
INSERT INTO "stray_upload" VALUES(1,'22222222-2222-4222-8222-222222222222',1795981802588);
CREATE TABLE "tag" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "name" VARCHAR(128) NOT NULL,
    "started_at_ms" BIGINT NOT NULL,
    "ended_at_ms" BIGINT,
    "is_reversion" INT NOT NULL,
    "is_immutable" INT NOT NULL,
    "manifest_id" BIGINT NOT NULL REFERENCES "manifest" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE
, "is_expiration" INT NOT NULL DEFAULT 0, "would_expire_at_ms" BIGINT, "has_ended" INT NOT NULL DEFAULT 0, "pusher_id" BIGINT, "life" INT NOT NULL DEFAULT 0);
INSERT INTO "tag" VALUES(1,'latest',1795981802547,1795981802555,0,0,1,1,0,NULL,1,3,0);
INSERT INTO "tag" VALUES(2,'latest',1795981802555,1795981802560,0,0,2,1,0,NULL,1,3,0);
INSERT INTO "tag" VALUES(3,'latest',1795981802560,NULL,0,0,3,1,0,NULL,0,3,0);
INSERT INTO "tag" VALUES(4,'v1',1795981802564,NULL,0,1,3,1,0,NULL,0,3,0);
INSERT INTO "tag" VALUES(5,'v2',1795981802569,1796068202571,0,0,3,1,1,NULL,0,1,0);
INSERT INTO "tag" VALUES(6,'1.0',1795981802578,NULL,0,0,4,2,0,NULL,0,3,0);
CREATE TABLE "tag_pulls" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "repository_id" BIGINT NOT NULL,
    "name" VARCHAR(128) NOT NULL,
    "pulls" BIGINT NOT NULL,
    "last_pulled_at_ms" BIGINT NOT NULL, "life" INT NOT NULL DEFAULT 0,
    CONSTRAINT "uid_tag_pulls_reposit_a5291c" UNIQUE ("repository_id", "name")
);
CREATE TABLE "team" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "name" VARCHAR(255) NOT NULL,
    "role" VARCHAR(16) NOT NULL,
    "description" TEXT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "organization_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_team_organiz_e46d03" UNIQUE ("organization_id", "name")
);
INSERT INTO "team" VALUES(1,'owners','admin','',1795981802512,3);
INSERT INTO "team" VALUES(2,'readers','member','',1795981802515,3);
CREATE TABLE "team_invite" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "email" VARCHAR(254),
    "code_hash" VARCHAR(64) NOT NULL UNIQUE,
    "created_at_ms" BIGINT NOT NULL,
    "account_id" BIGINT REFERENCES "account" ("id") ON DELETE CASCADE,
    "inviter_id" BIGINT REFERENCES "account" ("id") ON DELETE SET NULL,
    "team_id" BIGINT NOT NULL REFERENCES "team" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_team_invite_team_id_71f099" UNIQUE ("team_id", "account_id"),
    CONSTRAINT "uid_team_invite_team_id_34bf6c" UNIQUE ("team_id", "email")
);
CREATE TABLE "team_member" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "team_id" BIGINT NOT NULL REFERENCES "team" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_team_member_team_id_28790f" UNIQUE ("team_id", "account_id")
);
INSERT INTO "team_member" VALUES(1,1,1);
INSERT INTO "team_member" VALUES(2,2,2);
CREATE TABLE "token_assignment" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "response_type" VARCHAR(16) NOT NULL,
    "redirect_uri" VARCHAR(2000) NOT NULL,
    "scopes" VARCHAR(255) NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "application_id" BIGINT NOT NULL REFERENCES "application" ("id") ON DELETE CASCADE
);
CREATE TABLE "tortoise_migrations" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "app" VARCHAR(255) NOT NULL,
    "name" VARCHAR(255) NOT NULL,
    "applied_at" TIMESTAMP NOT NULL,
    CONSTRAINT "uid_tortoise_mi_app_3803a5" UNIQUE ("app", "name")
);
INSERT INTO "tortoise_migrations" VALUES(1,'models','0001_initial','2026-11-29 19:49:59.797785+00:00');
INSERT INTO "tortoise_migrations" VALUES(2,'models','0002_partial_indexes','2026-11-29 19:49:59.814982+00:00');
INSERT INTO "tortoise_migrations" VALUES(3,'models','0003_identity','2026-11-29 19:50:00.130372+00:00');
INSERT INTO "tortoise_migrations" VALUES(4,'models','0004_sign_in_failure','2026-11-29 19:50:00.149457+00:00');
INSERT INTO "tortoise_migrations" VALUES(5,'models','0005_token_listing','2026-11-29 19:50:00.164760+00:00');
INSERT INTO "tortoise_migrations" VALUES(6,'models','0006_content_and_audit','2026-11-29 19:50:00.500012+00:00');
INSERT INTO "tortoise_migrations" VALUES(7,'models','0007_audit_daily','2026-11-29 19:50:00.523962+00:00');
INSERT INTO "tortoise_migrations" VALUES(8,'models','0008_tag_expiration','2026-11-29 19:50:00.546432+00:00');
INSERT INTO "tortoise_migrations" VALUES(9,'models','0009_search','2026-11-29 19:50:00.565139+00:00');
INSERT INTO "tortoise_migrations" VALUES(10,'models','0010_artifact_kind','2026-11-29 19:50:00.587767+00:00');
INSERT INTO "tortoise_migrations" VALUES(11,'models','0011_repository_path','2026-11-29 19:50:00.722265+00:00');
INSERT INTO "tortoise_migrations" VALUES(12,'models','0012_deleted_manifest','2026-11-29 19:50:00.784662+00:00');
INSERT INTO "tortoise_migrations" VALUES(13,'models','0013_collection','2026-11-29 19:50:00.954840+00:00');
INSERT INTO "tortoise_migrations" VALUES(14,'models','0014_popularity','2026-11-29 19:50:00.995899+00:00');
INSERT INTO "tortoise_migrations" VALUES(15,'models','0015_ended_early','2026-11-29 19:50:01.117960+00:00');
INSERT INTO "tortoise_migrations" VALUES(16,'models','0016_job_progress','2026-11-29 19:50:01.439800+00:00');
INSERT INTO "tortoise_migrations" VALUES(17,'models','0017_blob_state','2026-11-29 19:50:01.673278+00:00');
INSERT INTO "tortoise_migrations" VALUES(18,'models','0018_known_address','2026-11-29 19:50:01.807772+00:00');
INSERT INTO "tortoise_migrations" VALUES(19,'models','0019_rate_count','2026-11-29 19:50:01.836748+00:00');
INSERT INTO "tortoise_migrations" VALUES(20,'models','0020_span_end','2026-11-29 19:50:01.888709+00:00');
INSERT INTO "tortoise_migrations" VALUES(21,'models','0021_upload_size','2026-11-29 19:50:02.031464+00:00');
INSERT INTO "tortoise_migrations" VALUES(22,'models','0022_email_key','2026-11-29 19:50:02.094317+00:00');
INSERT INTO "tortoise_migrations" VALUES(23,'models','0023_whole_patterns','2026-11-29 19:50:02.233364+00:00');
INSERT INTO "tortoise_migrations" VALUES(24,'models','0024_tag_pusher','2026-11-29 19:50:02.261890+00:00');
INSERT INTO "tortoise_migrations" VALUES(25,'models','0025_tag_life','2026-11-29 19:50:02.318080+00:00');
INSERT INTO "tortoise_migrations" VALUES(26,'models','0026_event_pushes','2026-11-29 19:50:02.337568+00:00');
CREATE TABLE "upload" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "created_at_ms" BIGINT NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE
, "used_at_ms" BIGINT, "size_bytes" BIGINT NOT NULL DEFAULT 0);
INSERT INTO "upload" VALUES(1,'11111111-1111-4111-8111-111111111111',1795981802586,1,1,NULL,0);
CREATE INDEX "idx_event_namespa_4d3475" ON "event" ("namespace_id", "id");
CREATE INDEX "idx_event_reposit_f21462" ON "event" ("repository_id", "id");
CREATE INDEX "idx_event_transac_0eee72" ON "event" ("transaction_id", "id");
CREATE INDEX "idx_job_state_a6fd24" ON "job" ("state", "run_at_ms");
CREATE INDEX "idx_manifest_reposit_df69f2" ON "manifest" ("repository_id", "subject_digest");
CREATE INDEX "idx_manifest_bl_digest_718f0d" ON "manifest_blob" ("digest");
CREATE INDEX "idx_manifest_ch_digest_6d96eb" ON "manifest_child" ("digest");
CREATE INDEX "idx_repository__blob_id_c72085" ON "repository_blob" ("blob_id");
CREATE INDEX "idx_tag_manifes_0b2793" ON "tag" ("manifest_id");
CREATE INDEX "idx_tag_reposit_dbd82d" ON "tag" ("repository_id", "name", "started_at_ms");
CREATE INDEX "idx_tag_reposit_012f42" ON "tag" ("repository_id", "started_at_ms", "name");
CREATE INDEX "idx_repository__account_12ba5d" ON "repository_permission" ("account_id");
CREATE INDEX "idx_repository__team_id_27ee45" ON "repository_permission" ("team_id");
CREATE INDEX "idx_team_member_account_403b06" ON "team_member" ("account_id");
CREATE UNIQUE INDEX "uid_tag_open" ON "tag" ("repository_id", "name") WHERE "ended_at_ms" IS NULL;
CREATE UNIQUE INDEX "uid_account_user_email" ON "account" ("email") WHERE "kind" = 'user';
CREATE INDEX "idx_event_recent" ON "event" ("created_at_ms");
CREATE INDEX "idx_repository_listing" ON "repository" ("visibility", "id");
CREATE INDEX "idx_team_member_listing" ON "team_member" ("account_id", "team_id");
CREATE INDEX "idx_tag_ended" ON "tag" ("repository_id", "ended_at_ms");
CREATE INDEX "idx_upload_age" ON "upload" ("created_at_ms");
CREATE INDEX "idx_application_organiz_41b688" ON "application" ("organization_id");
CREATE INDEX "idx_authorizati_expires_08e0f3" ON "authorization_code" ("expires_at_ms");
CREATE INDEX "idx_email_code_expires_d54a62" ON "email_code" ("expires_at_ms");
CREATE INDEX "idx_mail_sent_at_d6ff96" ON "mail" ("sent_at_ms", "id");
CREATE INDEX "idx_permission__organiz_713acd" ON "permission_prototype" ("organization_id", "id");
CREATE INDEX "idx_session_expires_581b7a" ON "session" ("expires_at_ms");
CREATE INDEX "idx_session_account_2a0f19" ON "session" ("account_id");
CREATE INDEX "idx_team_invite_account_8d46f2" ON "team_invite" ("account_id");
CREATE INDEX "idx_token_assig_account_ee5c78" ON "token_assignment" ("account_id");
CREATE INDEX "idx_sign_in_fai_last_fa_77b25b" ON "sign_in_failure" ("last_failed_at_ms");
CREATE INDEX "idx_access_token_listing" ON "access_token" ("account_id", "id");
CREATE INDEX "idx_app_token_listing" ON "app_token" ("account_id", "id");
CREATE INDEX "idx_audit_log_namespa_9493cd" ON "audit_log" ("namespace_id", "created_at_ms", "id");
CREATE INDEX "idx_audit_log_reposit_bd10e5" ON "audit_log" ("repository_id", "created_at_ms", "id");
CREATE INDEX "idx_audit_log_perform_180380" ON "audit_log" ("performer_id", "created_at_ms", "id");
CREATE INDEX "idx_audit_log_created_81e792" ON "audit_log" ("created_at_ms", "id");
CREATE INDEX "idx_daily_activ_namespa_c3f332" ON "daily_activity" ("namespace_id", "day");
CREATE INDEX "idx_immutabilit_namespa_d58ec5" ON "immutability_policy" ("namespace_id");
CREATE INDEX "idx_immutabilit_reposit_4a33e2" ON "immutability_policy" ("repository_id");
CREATE INDEX "idx_label_manifes_9004c6" ON "label" ("manifest_id");
CREATE INDEX "idx_plan_expires_8cbf77" ON "plan" ("expires_at_ms");
CREATE INDEX "idx_star_reposit_428172" ON "star" ("repository_id");
CREATE INDEX "idx_audit_daily_reposit_9114fc" ON "audit_daily" ("repository_id", "day");
CREATE INDEX "idx_repository_name" ON "repository" ("name");
CREATE TRIGGER repository_search_insert AFTER INSERT ON repository WHEN NEW.deleted_at_ms IS NULL BEGIN INSERT INTO repository_search (rowid, name, description) VALUES (NEW.id, NEW.name, substr(NEW.description, 1, 2000)); END;
CREATE TRIGGER repository_search_update AFTER UPDATE OF name, description, deleted_at_ms ON repository BEGIN DELETE FROM repository_search WHERE rowid = OLD.id; INSERT INTO repository_search (rowid, name, description) SELECT NEW.id, NEW.name, substr(NEW.description, 1, 2000) WHERE NEW.deleted_at_ms IS NULL; END;
CREATE TRIGGER repository_search_delete AFTER DELETE ON repository BEGIN DELETE FROM repository_search WHERE rowid = OLD.id; END;
CREATE TRIGGER account_search_insert AFTER INSERT ON account WHEN NEW.kind <> 'robot' AND NEW.deleted_at_ms IS NULL BEGIN INSERT INTO account_search (rowid, name) VALUES (NEW.id, NEW.name); END;
CREATE TRIGGER account_search_update AFTER UPDATE OF name, deleted_at_ms ON account WHEN NEW.kind <> 'robot' BEGIN DELETE FROM account_search WHERE rowid = OLD.id; INSERT INTO account_search (rowid, name) SELECT NEW.id, NEW.name WHERE NEW.deleted_at_ms IS NULL; END;
CREATE TRIGGER account_search_delete AFTER DELETE ON account WHEN OLD.kind <> 'robot' BEGIN DELETE FROM account_search WHERE rowid = OLD.id; END;
CREATE INDEX "idx_robot_owner" ON "robot" ("owner_id");
CREATE INDEX "idx_repository_path" ON "repository" ("visibility", "path") WHERE "deleted_at_ms" IS NULL;
CREATE INDEX "idx_repository_namespace_listing" ON "repository" ("namespace_id", "visibility", "id") WHERE "deleted_at_ms" IS NULL;
CREATE INDEX "idx_repository_namespace_path" ON "repository" ("namespace_id", "visibility", "path") WHERE "deleted_at_ms" IS NULL;
CREATE INDEX "idx_repository_visible_name" ON "repository" ("visibility", "name") WHERE "deleted_at_ms" IS NULL;
CREATE TRIGGER repository_path_insert AFTER INSERT ON repository BEGIN UPDATE repository SET path = (SELECT a.name FROM account a WHERE a.id = NEW.namespace_id) || '/' || NEW.name WHERE id = NEW.id; END;
CREATE TRIGGER repository_path_update AFTER UPDATE OF name, namespace_id ON repository BEGIN UPDATE repository SET path = (SELECT a.name FROM account a WHERE a.id = NEW.namespace_id) || '/' || NEW.name WHERE id = NEW.id; END;
CREATE TRIGGER account_path_update AFTER UPDATE OF name ON account WHEN NEW.kind <> 'robot' BEGIN UPDATE repository SET path = NEW.name || '/' || name WHERE namespace_id = NEW.id; END;
CREATE TRIGGER repository_search_public_name_insert AFTER INSERT ON repository WHEN NEW.deleted_at_ms IS NULL AND NEW.visibility = 'public' BEGIN INSERT INTO repository_search_public_name (rowid, name) VALUES (NEW.id, NEW.name); END;
CREATE TRIGGER repository_search_public_name_update AFTER UPDATE OF name, visibility, deleted_at_ms ON repository BEGIN DELETE FROM repository_search_public_name WHERE rowid = OLD.id; INSERT INTO repository_search_public_name (rowid, name) SELECT NEW.id, NEW.name WHERE NEW.deleted_at_ms IS NULL AND NEW.visibility = 'public'; END;
CREATE TRIGGER repository_search_public_name_delete AFTER DELETE ON repository BEGIN DELETE FROM repository_search_public_name WHERE rowid = OLD.id; END;
CREATE TRIGGER repository_search_public_description_insert AFTER INSERT ON repository WHEN NEW.deleted_at_ms IS NULL AND NEW.visibility = 'public' BEGIN INSERT INTO repository_search_public_description (rowid, description) VALUES (NEW.id, substr(NEW.description, 1, 2000)); END;
CREATE TRIGGER repository_search_public_description_update AFTER UPDATE OF description, visibility, deleted_at_ms ON repository BEGIN DELETE FROM repository_search_public_description WHERE rowid = OLD.id; INSERT INTO repository_search_public_description (rowid, description) SELECT NEW.id, substr(NEW.description, 1, 2000) WHERE NEW.deleted_at_ms IS NULL AND NEW.visibility = 'public'; END;
CREATE TRIGGER repository_search_public_description_delete AFTER DELETE ON repository BEGIN DELETE FROM repository_search_public_description WHERE rowid = OLD.id; END;
CREATE TRIGGER repository_search_private_name_insert AFTER INSERT ON repository WHEN NEW.deleted_at_ms IS NULL AND NEW.visibility = 'private' BEGIN INSERT INTO repository_search_private_name (rowid, name) VALUES (NEW.id, NEW.name); END;
CREATE TRIGGER repository_search_private_name_update AFTER UPDATE OF name, visibility, deleted_at_ms ON repository BEGIN DELETE FROM repository_search_private_name WHERE rowid = OLD.id; INSERT INTO repository_search_private_name (rowid, name) SELECT NEW.id, NEW.name WHERE NEW.deleted_at_ms IS NULL AND NEW.visibility = 'private'; END;
CREATE TRIGGER repository_search_private_name_delete AFTER DELETE ON repository BEGIN DELETE FROM repository_search_private_name WHERE rowid = OLD.id; END;
CREATE TRIGGER repository_search_private_description_insert AFTER INSERT ON repository WHEN NEW.deleted_at_ms IS NULL AND NEW.visibility = 'private' BEGIN INSERT INTO repository_search_private_description (rowid, description) VALUES (NEW.id, substr(NEW.description, 1, 2000)); END;
CREATE TRIGGER repository_search_private_description_update AFTER UPDATE OF description, visibility, deleted_at_ms ON repository BEGIN DELETE FROM repository_search_private_description WHERE rowid = OLD.id; INSERT INTO repository_search_private_description (rowid, description) SELECT NEW.id, substr(NEW.description, 1, 2000) WHERE NEW.deleted_at_ms IS NULL AND NEW.visibility = 'private'; END;
CREATE TRIGGER repository_search_private_description_delete AFTER DELETE ON repository BEGIN DELETE FROM repository_search_private_description WHERE rowid = OLD.id; END;
CREATE INDEX "idx_manifest_deleted" ON "manifest" ("repository_id", "deleted_digest") WHERE "deleted_digest" IS NOT NULL;
CREATE INDEX "idx_manifest_collected" ON "manifest" ("repository_id", "id") WHERE "collected_at_ms" IS NOT NULL;
CREATE INDEX "idx_manifest_walk" ON "manifest" ("repository_id", "id");
CREATE INDEX "idx_repository_popularity" ON "repository" ("visibility", "popularity_level" DESC, "id" DESC) WHERE "deleted_at_ms" IS NULL;
CREATE INDEX "idx_job_due" ON "job" ("state", "kind", "namespace_id", "run_at_ms", "id");
CREATE INDEX "idx_job_kind" ON "job" ("kind", "id");
CREATE INDEX "idx_job_namespace" ON "job" ("namespace_id", "started_at_ms");
CREATE INDEX "idx_rate_count_began_a_9cacb0" ON "rate_count" ("began_at_ms");
CREATE INDEX "idx_upload_account" ON "upload" ("account_id");
CREATE UNIQUE INDEX "uid_account_email_key" ON "account" ("email_key");
CREATE INDEX "idx_event_pushes" ON "event" ("namespace_id", "id") WHERE "kind" = 'push_repo';
PRAGMA writable_schema=OFF;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('tortoise_migrations',26);
INSERT INTO "sqlite_sequence" VALUES('account',4);
INSERT INTO "sqlite_sequence" VALUES('audit_log',21);
INSERT INTO "sqlite_sequence" VALUES('event',26);
INSERT INTO "sqlite_sequence" VALUES('service_key',1);
INSERT INTO "sqlite_sequence" VALUES('team',2);
INSERT INTO "sqlite_sequence" VALUES('team_member',2);
INSERT INTO "sqlite_sequence" VALUES('robot',1);
INSERT INTO "sqlite_sequence" VALUES('access_token',1);
INSERT INTO "sqlite_sequence" VALUES('app_token',1);
INSERT INTO "sqlite_sequence" VALUES('repository',3);
INSERT INTO "sqlite_sequence" VALUES('repository_permission',4);
INSERT INTO "sqlite_sequence" VALUES('blob',6);
INSERT INTO "sqlite_sequence" VALUES('repository_blob',6);
INSERT INTO "sqlite_sequence" VALUES('manifest',4);
INSERT INTO "sqlite_sequence" VALUES('manifest_blob',6);
INSERT INTO "sqlite_sequence" VALUES('tag',6);
INSERT INTO "sqlite_sequence" VALUES('daily_activity',5);
INSERT INTO "sqlite_sequence" VALUES('manifest_child',2);
INSERT INTO "sqlite_sequence" VALUES('job',2);
INSERT INTO "sqlite_sequence" VALUES('upload',1);
INSERT INTO "sqlite_sequence" VALUES('stray_upload',1);
COMMIT;
