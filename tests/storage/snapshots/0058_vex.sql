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
INSERT INTO "access_token" VALUES(1,'8469d693-dc1a-4384-a32e-f1fc6c0fb592','DavlFd2sU32dA97uJGJ0','dbda798856c4a6cdf50b13d39a43e6eb90084a9c6608c8cb1ac5be8f49bf2bda','test','org:admin repo:admin repo:create repo:read repo:write super:user user:admin user:read',1796038702377,2111614702377,NULL,2,NULL);
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
INSERT INTO "account" VALUES(1,'057d52e4-d9f8-45a2-958a-916f19a35f3b','user','ada','ada@localhost.localdomain','$argon2id$v=19$m=19456,t=2,p=1$L7r5ffMe5Ez3DYtjSJZIqQ$EvA6EQYq0rK/nSFJd8/4mggbNH60T35Sy0NKMmZervg',1,1,1,0,1209600,0,NULL,NULL,NULL,NULL,NULL,1796038702049,NULL,NULL,'ada@localhost.localdomain');
INSERT INTO "account" VALUES(2,'6dd829e4-c1cf-4da0-8add-e6fbfdf53795','user','bob','bob@example.com',NULL,1,1,0,0,1209600,0,NULL,NULL,NULL,NULL,NULL,1796038702225,NULL,NULL,'bob@example.com');
INSERT INTO "account" VALUES(3,'f6addfac-e648-47c0-9286-b7ef9f7c1ced','organization','acme',NULL,NULL,1,1,0,0,1209600,0,NULL,NULL,NULL,NULL,NULL,1796038702231,NULL,NULL,NULL);
INSERT INTO "account" VALUES(4,'b2691fff-bf38-4f7e-8af5-0e045ffbd58e','robot','acme+bot',NULL,NULL,1,1,0,0,1209600,0,NULL,NULL,NULL,NULL,NULL,1796038702253,NULL,NULL,NULL);
INSERT INTO "account" VALUES(5,'83771307-54d2-4009-a638-d2b8f553f27f','organization','mirrors',NULL,NULL,1,1,0,0,1209600,0,NULL,NULL,NULL,NULL,NULL,1796038702891,NULL,NULL,NULL);
INSERT INTO "account" VALUES(6,'21ebb701-7dc6-4462-804e-5a57368b27ca','organization','followers',NULL,NULL,1,1,0,0,1209600,0,NULL,NULL,NULL,NULL,NULL,1796038703000,NULL,NULL,NULL);
INSERT INTO "account" VALUES(7,'0aa92c28-882f-43a6-b761-79c151141088','robot','followers+bot',NULL,NULL,1,1,0,0,1209600,0,NULL,NULL,NULL,NULL,NULL,1796038703010,NULL,NULL,NULL);
PRAGMA writable_schema=ON;
INSERT INTO sqlite_master(type,name,tbl_name,rootpage,sql)VALUES('table','account_search','account_search',0,'CREATE VIRTUAL TABLE account_search USING fts5(name, tokenize=''trigram'')');
CREATE TABLE 'account_search_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO "account_search_config" VALUES('version',4);
CREATE TABLE 'account_search_content'(id INTEGER PRIMARY KEY, c0);
INSERT INTO "account_search_content" VALUES(1,'ada');
INSERT INTO "account_search_content" VALUES(2,'bob');
INSERT INTO "account_search_content" VALUES(3,'acme');
INSERT INTO "account_search_content" VALUES(5,'mirrors');
INSERT INTO "account_search_content" VALUES(6,'followers');
CREATE TABLE 'account_search_data'(id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO "account_search_data" VALUES(1,X'0510');
INSERT INTO "account_search_data" VALUES(10,X'000000000105050005010101020101030101040101050101');
INSERT INTO "account_search_data" VALUES(137438953473,X'0000000C043061646101020204');
INSERT INTO "account_search_data" VALUES(274877906945,X'0000000C0430626F6202020204');
INSERT INTO "account_search_data" VALUES(412316860417,X'00000014043061636D0302020103636D650302030408');
INSERT INTO "account_search_data" VALUES(549755813889,X'0000002B043069727205020301036D697205020201036F72730502060103726F720502050202726F0502040408080808');
INSERT INTO "account_search_data" VALUES(687194767361,X'0000003A04306572730602080103666F6C06020201036C6C6F06020402026F7706020501036F6C6C06020302027765060206010377657206020704080808070807');
CREATE TABLE 'account_search_docsize'(id INTEGER PRIMARY KEY, sz BLOB);
INSERT INTO "account_search_docsize" VALUES(1,X'01');
INSERT INTO "account_search_docsize" VALUES(2,X'01');
INSERT INTO "account_search_docsize" VALUES(3,X'02');
INSERT INTO "account_search_docsize" VALUES(5,X'05');
INSERT INTO "account_search_docsize" VALUES(6,X'07');
CREATE TABLE 'account_search_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
INSERT INTO "account_search_idx" VALUES(1,X'',2);
INSERT INTO "account_search_idx" VALUES(2,X'',2);
INSERT INTO "account_search_idx" VALUES(3,X'',2);
INSERT INTO "account_search_idx" VALUES(4,X'',2);
INSERT INTO "account_search_idx" VALUES(5,X'',2);
CREATE TABLE "advisory" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "osv_id" VARCHAR(128) NOT NULL UNIQUE,
    "summary" VARCHAR(500) NOT NULL,
    "details" TEXT NOT NULL,
    "severity" SMALLINT NOT NULL,
    "score" REAL,
    "vector" VARCHAR(256),
    "word" VARCHAR(32),
    "links" JSON NOT NULL,
    "published_at_ms" BIGINT,
    "modified_at_ms" BIGINT NOT NULL,
    "withdrawn_at_ms" BIGINT
);
INSERT INTO "advisory" VALUES(1,'A','','',5,NULL,NULL,NULL,'[]',NULL,1767225600000,NULL);
CREATE TABLE "advisory_change" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "advisory_id" BIGINT NOT NULL UNIQUE REFERENCES "advisory" ("id") ON DELETE CASCADE
);
INSERT INTO "advisory_change" VALUES(1,1);
CREATE TABLE "advisory_name" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "name" VARCHAR(128) NOT NULL,
    "is_alias" INT NOT NULL,
    "advisory_id" BIGINT NOT NULL REFERENCES "advisory" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_advisory_na_advisor_13f204" UNIQUE ("advisory_id", "name")
);
INSERT INTO "advisory_name" VALUES(1,'B',1,1);
CREATE TABLE "affected_package" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "ecosystem" VARCHAR(96) NOT NULL,
    "name" VARCHAR(512) NOT NULL,
    "severity" SMALLINT NOT NULL,
    "spans" JSON NOT NULL,
    "versions" JSON NOT NULL,
    "advisory_id" BIGINT NOT NULL REFERENCES "advisory" ("id") ON DELETE CASCADE
);
INSERT INTO "affected_package" VALUES(1,'Debian:12','curl',5,'[]','["8.0-2"]',1);
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
INSERT INTO "app_token" VALUES(1,'891ca9a8-6eac-4a80-85da-569cf4d30c76','laptop','7TVZHTR3KFD8KM46K3HVLH9FZ2A93ENIPOP5T50MQDEHFAIBWR85U3ISRDEJ','gAAAAABrDWAuwE-waeB11esMhGRHwCS5A07P3lYDs-bD44trx6LmHQoPYvqL6X4LyDSWDtmi0oCjqVgPzgFupHfZXJcg2k1L-5aE_iSn2qLsC60gtVDIsNnVYDXMUEY8bfmpvi49Bgajy10G105onRQrDj12JWWP9A==',1796038702387,NULL,NULL,2);
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
INSERT INTO "audit_log" VALUES(1,'user_create',1,NULL,NULL,NULL,'{"email":"ada@localhost.localdomain","username":"ada","superuser":"ada"}',1796038702051);
INSERT INTO "audit_log" VALUES(2,'account_initialized',1,NULL,NULL,NULL,'{"username":"ada"}',1796038702052);
INSERT INTO "audit_log" VALUES(3,'user_create',2,NULL,NULL,NULL,'{"email":"bob@example.com","username":"bob","superuser":null}',1796038702225);
INSERT INTO "audit_log" VALUES(4,'org_create',3,NULL,1,NULL,'{"email":null,"namespace":"acme"}',1796038702235);
INSERT INTO "audit_log" VALUES(5,'create_robot',3,NULL,1,NULL,'{"robot":"bot","description":"","unstructured_metadata":{}}',1796038702372);
INSERT INTO "audit_log" VALUES(6,'create_oauth_api_token',2,NULL,NULL,NULL,'{"token":"8469d693-dc1a-4384-a32e-f1fc6c0fb592","scopes":"org:admin repo:admin repo:create repo:read repo:write super:user user:admin user:read","username":"bob"}',1796038702383);
INSERT INTO "audit_log" VALUES(7,'create_app_specific_token',2,NULL,2,NULL,'{"app_specific_token_title":"laptop","app_specific_token":"891ca9a8-6eac-4a80-85da-569cf4d30c76"}',1796038702388);
INSERT INTO "audit_log" VALUES(8,'create_repo',3,1,1,NULL,'{"repo":"app","namespace":"acme"}',1796038702568);
INSERT INTO "audit_log" VALUES(9,'create_repo',3,2,1,NULL,'{"repo":"tools/base","namespace":"acme"}',1796038702603);
INSERT INTO "audit_log" VALUES(10,'change_repo_permission',3,1,1,NULL,'{"username":"bob","repo":"app","namespace":"acme","role":"write"}',1796038702609);
INSERT INTO "audit_log" VALUES(11,'change_repo_permission',3,1,1,NULL,'{"username":"acme+bot","repo":"app","namespace":"acme","role":"read"}',1796038702614);
INSERT INTO "audit_log" VALUES(12,'push_repo',3,1,3,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a","username":"acme","tag":"latest"}',1796038702639);
INSERT INTO "audit_log" VALUES(13,'push_repo',3,1,3,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1","username":"acme","tag":"latest"}',1796038702664);
INSERT INTO "audit_log" VALUES(14,'push_repo',3,1,3,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.index.v1+json","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","username":"acme","tag":"latest"}',1796038702674);
INSERT INTO "audit_log" VALUES(15,'push_repo',3,1,3,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.index.v1+json","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","username":"acme","tag":"v1"}',1796038702685);
INSERT INTO "audit_log" VALUES(16,'change_tag_immutability',3,1,1,NULL,'{"username":"ada","repo":"app","tag":"v1","namespace":"acme","immutable":true,"previous_immutable":false}',1796038702694);
INSERT INTO "audit_log" VALUES(17,'create_tag',3,1,1,NULL,'{"username":"ada","repo":"app","tag":"v2","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","namespace":"acme","original_manifest_digest":null}',1796038702706);
INSERT INTO "audit_log" VALUES(18,'change_tag_expiration',3,1,1,NULL,'{"username":"ada","repo":"app","tag":"v2","namespace":"acme","expiration_date":1796125102,"old_expiration_date":null}',1796038702715);
INSERT INTO "audit_log" VALUES(19,'push_repo',3,2,3,NULL,'{"repo":"tools/base","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:095f9e33bb2d4b4f38a811e0db7b82f866dac54e3df179f2f71cafc174afe959","username":"acme","tag":"1.0"}',1796038702744);
INSERT INTO "audit_log" VALUES(20,'create_repo',1,3,1,NULL,'{"repo":"gone","namespace":"ada"}',1796038702753);
INSERT INTO "audit_log" VALUES(21,'delete_repo',1,3,1,NULL,'{"repo":"gone","namespace":"ada"}',1796038702761);
INSERT INTO "audit_log" VALUES(22,'create_repository_autoprune_policy',3,1,1,NULL,'{"method":"number_of_tags","value":10,"tag_pattern":null,"tag_pattern_matches":true,"namespace":"acme","repo":"app"}',1796038702775);
INSERT INTO "audit_log" VALUES(23,'change_repo_permission',3,2,1,NULL,'{"username":"acme+bot","repo":"tools/base","namespace":"acme","role":"write"}',1796038702805);
INSERT INTO "audit_log" VALUES(24,'change_repo_state',3,2,1,NULL,'{"repo":"tools/base","namespace":"acme","state_changed":"MIRROR"}',1796038702809);
INSERT INTO "audit_log" VALUES(25,'repo_mirror_config_changed',3,2,1,NULL,'{"repo":"tools/base","namespace":"acme","user-agent":null,"changed":"external_reference","to":"9.9.9.9/tools/base","username":"ada"}',1796038702810);
INSERT INTO "audit_log" VALUES(26,'org_create_quota',3,NULL,NULL,NULL,'{"namespace":"acme","limit_bytes":1000000000000,"limit":"931.3 GiB"}',1796038702885);
INSERT INTO "audit_log" VALUES(27,'org_create_quota_limit',3,NULL,NULL,NULL,'{"namespace":"acme","type":"Warning","threshold_percent":80}',1796038702885);
INSERT INTO "audit_log" VALUES(28,'org_create',5,NULL,1,NULL,'{"email":null,"namespace":"mirrors"}',1796038702893);
INSERT INTO "audit_log" VALUES(29,'create_proxy_cache_config',5,NULL,1,NULL,'{"upstream_registry":"localhost:1"}',1796038702957);
INSERT INTO "audit_log" VALUES(30,'add_repo_notification',3,1,1,NULL,'{"namespace":"acme","repo":"app","notification_id":"e8f13896-6704-42b8-9e9c-67578df7e568","event":"repo_push","method":"flowdock"}',1796038702983);
INSERT INTO "audit_log" VALUES(31,'org_create',6,NULL,1,NULL,'{"email":null,"namespace":"followers"}',1796038703002);
INSERT INTO "audit_log" VALUES(32,'create_robot',6,NULL,1,NULL,'{"robot":"bot","description":"","unstructured_metadata":{}}',1796038703011);
INSERT INTO "audit_log" VALUES(33,'org_mirror_config_changed',6,NULL,1,NULL,'{"namespace":"followers","user-agent":null,"changed":"external_registry_url","to":"https://9.9.9.9","username":"ada"}',1796038703023);
INSERT INTO "audit_log" VALUES(34,'build_dockerfile',3,1,1,NULL,'{"build_id":"907511a5-dad5-4320-bc6a-83089d1d5fec","docker_tags":["latest"],"is_manual":true,"repo":"app","namespace":"acme","manual_user":"ada"}',1796038703040);
INSERT INTO "audit_log" VALUES(35,'build_dockerfile',3,1,1,NULL,'{"build_id":"544f3e5d-1c8f-42e8-8945-7dce4f750002","docker_tags":["latest"],"is_manual":true,"repo":"app","namespace":"acme","manual_user":"ada"}',1796038703050);
INSERT INTO "audit_log" VALUES(36,'setup_repo_trigger',3,1,1,NULL,'{"repo":"app","namespace":"acme","trigger_id":"7da141c4-9acd-4b22-932b-645ca81eae81","service":"custom-git","pull_robot":null,"config":{"build_source":"git@git.example.com:acme/app.git"}}',1796038703080);
INSERT INTO "audit_log" VALUES(37,'build_dockerfile',3,1,1,NULL,'{"build_id":"627c1342-09c0-472d-9daf-aa72a6da2531","docker_tags":["aaaaaaa"],"is_manual":true,"trigger_id":"7da141c4-9acd-4b22-932b-645ca81eae81","trigger_kind":"custom-git","trigger_metadata":{"commit":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","git_url":"git@git.example.com:acme/app.git"},"repo":"app","namespace":"acme","manual_user":"ada"}',1796038703145);
INSERT INTO "audit_log" VALUES(38,'push_repo',3,1,3,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:97025e279290e57f9fec67aee0f7b558598cf3619d814637dd55c5eadde8c11c","username":"acme","tag":"scanned"}',1796038703341);
INSERT INTO "audit_log" VALUES(39,'set_pull_policy',3,NULL,1,NULL,'{"mode":"warn","min_severity":"High","allows_unfixed":false,"requires_scan":false,"namespace":"acme"}',1796038706337);
INSERT INTO "audit_log" VALUES(40,'set_pull_policy',3,1,1,NULL,'{"mode":"warn","min_severity":"High","allows_unfixed":false,"requires_scan":false,"namespace":"acme","repo":"app"}',1796038706340);
INSERT INTO "audit_log" VALUES(41,'set_pull_exception',3,1,1,NULL,'{"advisory":"B","reason":"r","ends_at_ms":1796038766342,"namespace":"acme","repo":"app"}',1796038706344);
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
CREATE TABLE "authorized_email" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "email" VARCHAR(254) NOT NULL,
    "email_key" VARCHAR(254) NOT NULL,
    "code_hash" VARCHAR(64)  UNIQUE,
    "asked_at_ms" BIGINT NOT NULL,
    "confirmed_at_ms" BIGINT,
    "namespace_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT REFERENCES "repository" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_authorized__reposit_810fd6" UNIQUE ("repository_id", "email_key")
);
INSERT INTO "authorized_email" VALUES(1,'crew@example.com','crew@example.com','81b4369711533bc956b402d4b52050c4187752e461183a0edb8be97b464bcfcf',1796038702843,NULL,3,1);
CREATE TABLE "blob" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "digest" VARCHAR(140) NOT NULL UNIQUE,
    "size_bytes" BIGINT NOT NULL,
    "created_at_ms" BIGINT NOT NULL
, "committed_at_ms" BIGINT, "state" VARCHAR(16) NOT NULL DEFAULT 'stored', "deleting_until_ms" BIGINT);
INSERT INTO "blob" VALUES(1,'sha256:40948e70c55857b93ae3034e63ec05e8775349d45a604fbb3b6d0a3573a7fe96',40,1796038702617,1796038702617,'stored',NULL);
INSERT INTO "blob" VALUES(3,'sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85',5,1796038702622,1796038702622,'stored',NULL);
INSERT INTO "blob" VALUES(5,'sha256:3b84d4d269107c7182b796419a332bc2569845a5898cd6187f9c54b043561576',57,1796038702643,1796038702643,'stored',NULL);
INSERT INTO "blob" VALUES(8,'sha256:c5b1d63604f273462ef36fadac3182d43ae6a6138731cf594b314835cf1c034f',78,1796038702720,1796038702720,'stored',NULL);
INSERT INTO "blob" VALUES(10,'sha256:cae662172fd450bb0cd710a769079c05bfc5d8e35efa6576edc7d0377afdd4a2',4,1796038702731,1796038702731,'stored',NULL);
INSERT INTO "blob" VALUES(13,'sha256:d8a1bcc24e8ffc639e3f63687dfe6daf64b5a417a4268bd54c72b4f943effd53',226,1796038703293,1796038703293,'stored',NULL);
INSERT INTO "blob" VALUES(15,'sha256:9705c102b1bb78d84d8b98be916211a20bdcb15f04b4967327b065f330d91abb',225,1796038703321,1796038703321,'stored',NULL);
CREATE TABLE "build" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "job_id" BIGINT,
    "phase" VARCHAR(16) NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "started_at_ms" BIGINT,
    "ended_at_ms" BIGINT,
    "display_name" VARCHAR(64) NOT NULL,
    "archive_url" TEXT,
    "context_file_id" BIGINT,
    "dockerfile_path" VARCHAR(512) NOT NULL,
    "context_path" VARCHAR(512) NOT NULL,
    "tags" JSON NOT NULL,
    "arguments_encrypted" TEXT,
    "waits_because" VARCHAR(500),
    "error" TEXT,
    "counts" JSON NOT NULL,
    "digest" VARCHAR(140),
    "account_id" BIGINT REFERENCES "account" ("id") ON DELETE SET NULL,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE,
    "robot_id" BIGINT REFERENCES "account" ("id") ON DELETE SET NULL
, "provenance_digest" VARCHAR(140), "git_commit" VARCHAR(64), "git_ref" TEXT, "git_url" TEXT, "is_manual" INT NOT NULL DEFAULT 1, "trigger_id" BIGINT REFERENCES "build_trigger" ("id") ON DELETE CASCADE, "trigger_metadata" JSON, "sbom_digest" VARCHAR(140), "has_robot" INT NOT NULL DEFAULT 0);
INSERT INTO "build" VALUES(1,'907511a5-dad5-4320-bc6a-83089d1d5fec',8,'waiting',1796038703039,NULL,NULL,'5c758e4','https://9.9.9.9/context.tgz',NULL,'/Dockerfile','/','["latest"]','gAAAAABrDWAvYvSMbGKFo1il-FfYznL9s-ORblZ_GkyBJQiGnvwGHV5mcnjGQKgxKQS0RSi5bZJvWH5gtSk0IJa8sT1YSKwqtFTHukxdn5pXbsAzvcJzwx0=',NULL,NULL,'{}',NULL,1,1,NULL,NULL,NULL,NULL,NULL,1,NULL,NULL,NULL,0);
INSERT INTO "build" VALUES(2,'544f3e5d-1c8f-42e8-8945-7dce4f750002',9,'waiting',1796038703049,NULL,NULL,'5c758e4','https://9.9.9.9/context.tgz',NULL,'/Dockerfile','/','["latest"]','gAAAAABrDWAvfdq2dkpt3RkFld0QJFDS6Nzq5rOKUFoOAw-QL6h9nWuy7XLK_tWOYlIq0MmVKKkZcwzrXXDwz6NQ1fhKtXUDDFXXQnoxpmkJuRvk33x5wtI=',NULL,NULL,'{}',NULL,1,1,NULL,NULL,NULL,NULL,NULL,1,NULL,NULL,NULL,0);
INSERT INTO "build" VALUES(3,'627c1342-09c0-472d-9daf-aa72a6da2531',10,'waiting',1796038703139,NULL,NULL,'aaaaaaa',NULL,NULL,'/Dockerfile','/','["aaaaaaa"]',NULL,NULL,NULL,'{}',NULL,1,1,NULL,NULL,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',NULL,'git@git.example.com:acme/app.git',1,1,'{"commit":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","git_url":"git@git.example.com:acme/app.git"}',NULL,0);
CREATE TABLE "build_log_archive" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "line_count" INT NOT NULL,
    "content" BLOB NOT NULL,
    "build_id" BIGINT NOT NULL UNIQUE REFERENCES "build" ("id") ON DELETE CASCADE
);
INSERT INTO "build_log_archive" VALUES(1,1,X'1F8B08000000000002038B8ECE2BCDC9D1510A0E710D5030D437B452700BF2F755284E2E4A2C49CE50D23134B7343330B63037303630358B8D0500BA695F172F000000',2);
CREATE TABLE "build_log_line" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "number" INT NOT NULL,
    "kind" VARCHAR(8),
    "text" TEXT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "build_id" BIGINT NOT NULL REFERENCES "build" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_build_log_l_build_i_9d7bc8" UNIQUE ("build_id", "number")
);
INSERT INTO "build_log_line" VALUES(1,0,NULL,'STEP 1/1: FROM scratch',1796038703044,1);
CREATE TABLE "build_trigger" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "service" VARCHAR(16) NOT NULL,
    "is_enabled" INT NOT NULL DEFAULT 1,
    "disabled_reason" VARCHAR(40),
    "build_source" TEXT,
    "config" JSON NOT NULL,
    "write_token_encrypted" TEXT,
    "webhook_secret_encrypted" TEXT,
    "private_key_encrypted" TEXT,
    "public_key" TEXT,
    "known_hosts" TEXT NOT NULL,
    "failure_count" INT NOT NULL DEFAULT 0,
    "internal_error_count" INT NOT NULL DEFAULT 0,
    "created_at_ms" BIGINT NOT NULL,
    "activated_at_ms" BIGINT,
    "deleted_at_ms" BIGINT,
    "account_id" BIGINT REFERENCES "account" ("id") ON DELETE SET NULL,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE,
    "robot_id" BIGINT REFERENCES "account" ("id") ON DELETE SET NULL
, "has_robot" INT NOT NULL DEFAULT 0);
INSERT INTO "build_trigger" VALUES(1,'7da141c4-9acd-4b22-932b-645ca81eae81','custom-git',1,NULL,'git@git.example.com:acme/app.git','{"build_source":"git@git.example.com:acme/app.git"}','gAAAAABrDWAvyaz7JgeeEpCvBJsQ0c0uyhFtuxaWu6btnt9s87wbPZG1qouukfi2EYlg0_LuEqbh7en6ctMcgw5z49wc2vHnZyauySf-6QuZXVa8Yk-V-QtR7IAiZ2MJKl8bJD7T0AdHT5UAUGWYkkIhIIJVZ9lvL7C_bohSBZuRgvwcjBYyOcU=','gAAAAABrDWAv9p4k-sAaCmNjK0A3SlMQy_n8dwXQamPUp3eYPjb6KlwRy7m2pP5l4vkrCFjfiXfPKIxibcGqJJylrDW8En0sgGa8G-5K5_YaqDBIxSja7yRq8JcMRA2SkzJ2PcfNzwT3DRySuf0Y8ArZ9vg4aAfDJA==','gAAAAABrDWAvhV7A02TVh1us_4oiaNZrMsD9M5HE5c5RRjVegHgQn3UoeQdwBSvowONsJtpfENdGSNhHf_nIuUcZ3tpLnjR7axrqCStMd18zux0xPG3CUDQlLdH_y5wwrSZC2v3tBuc3euCS4Qyk4w4aQlYo0HdXnLpETUoyZf6Rywp2ptjLFf8PhVtY55nkG8z6g7y_Otzr3j-VORw4dDd8K6p5WtG5bqBj_kxGmlltLfvl41zuZpsT6hpSXpZGcBJxbWVnRmxmAyz3nBMNTgWj7nda0Ukg27qyvKV2Y9DwMQvbdJfIpBYjPg5pGys9A0U-HdQsV4pX9SugToPoyml479_zdp20AWqH3JyZt1tXhAddBsP6r-rqaIQKHcx8yJeswzZHFTXPZP2y5VvlVk2Z057LvQHyAAcPckl7yFLj-dAo_jB78ti8xZ7WQUujoPdpI2aT9KkfeucFb30OUUpiLPwfRltLziJg-ZeqEaa7jVgsfCQ8AggxFpCGsITiHZ5uSFpWn6nKzdO5bBA1xttMEs1lCOT115NvnpSn0V3VQpHlzE3-C88By-hqyRx8Cg0g3xY974UuPQJuGvo5j7OxCLNRpdyrqA==','ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMtNvgL8+fY+PI6YKXOhJ7NiGlw8DscGjfctU/BPUeBf trigger 7da141c4-9acd-4b22-932b-645ca81eae81 of 127.0.0.1:8080','',0,0,1796038703065,1796038703079,NULL,1,1,NULL,0);
CREATE TABLE "compared_package" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "package_id" BIGINT NOT NULL UNIQUE REFERENCES "package" ("id") ON DELETE CASCADE
);
INSERT INTO "compared_package" VALUES(1,1);
INSERT INTO "compared_package" VALUES(2,2);
CREATE TABLE "context_file" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "created_at_ms" BIGINT NOT NULL,
    "digest" VARCHAR(140),
    "size_bytes" BIGINT NOT NULL DEFAULT 0,
    "is_taken" INT NOT NULL DEFAULT 0,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE
);
INSERT INTO "context_file" VALUES(1,'ebe53f6c-eed3-414a-a706-169cb8400cbb',1796038703028,NULL,0,0,1);
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
INSERT INTO "daily_activity" VALUES(1,1,3,20787,'user',0,0,5);
INSERT INTO "daily_activity" VALUES(5,2,3,20787,'user',0,0,1);
CREATE TABLE "discovered_repository" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "name" VARCHAR(255) NOT NULL,
    "discovered_at_ms" BIGINT NOT NULL,
    "seen_at_ms" BIGINT NOT NULL,
    "problem" TEXT,
    "organization_mirror_id" BIGINT NOT NULL REFERENCES "organization_mirror" ("id") ON DELETE CASCADE,
    "mirror_id" BIGINT  UNIQUE REFERENCES "repository_mirror" ("id") ON DELETE SET NULL,
    CONSTRAINT "uid_discovered__organiz_8e57d4" UNIQUE ("organization_mirror_id", "name")
);
INSERT INTO "discovered_repository" VALUES(1,'app',1,1,NULL,1,NULL);
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
INSERT INTO "event" VALUES(1,'user_create',1,NULL,NULL,NULL,NULL,NULL,NULL,'{"email":"ada@localhost.localdomain","username":"ada","superuser":"ada"}',1796038702051,NULL);
INSERT INTO "event" VALUES(2,'account_initialized',1,NULL,NULL,NULL,NULL,NULL,NULL,'{"username":"ada"}',1796038702053,NULL);
INSERT INTO "event" VALUES(3,'user_create',2,NULL,NULL,NULL,NULL,NULL,NULL,'{"email":"bob@example.com","username":"bob","superuser":null}',1796038702226,NULL);
INSERT INTO "event" VALUES(4,'org_create',3,NULL,1,NULL,NULL,NULL,NULL,'{"email":null,"namespace":"acme"}',1796038702235,NULL);
INSERT INTO "event" VALUES(5,'create_robot',3,NULL,1,NULL,NULL,NULL,NULL,'{"robot":"bot","description":"","unstructured_metadata":{}}',1796038702372,NULL);
INSERT INTO "event" VALUES(6,'create_oauth_api_token',2,NULL,NULL,NULL,NULL,NULL,NULL,'{"token":"8469d693-dc1a-4384-a32e-f1fc6c0fb592","scopes":"org:admin repo:admin repo:create repo:read repo:write super:user user:admin user:read","username":"bob"}',1796038702383,NULL);
INSERT INTO "event" VALUES(7,'create_app_specific_token',2,NULL,2,NULL,NULL,NULL,NULL,'{"app_specific_token_title":"laptop","app_specific_token":"891ca9a8-6eac-4a80-85da-569cf4d30c76"}',1796038702388,NULL);
INSERT INTO "event" VALUES(8,'create_repo',3,1,1,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme"}',1796038702569,NULL);
INSERT INTO "event" VALUES(9,'create_repo',3,2,1,NULL,NULL,NULL,NULL,'{"repo":"tools/base","namespace":"acme"}',1796038702604,NULL);
INSERT INTO "event" VALUES(10,'change_repo_permission',3,1,1,NULL,NULL,NULL,NULL,'{"username":"bob","repo":"app","namespace":"acme","role":"write"}',1796038702609,NULL);
INSERT INTO "event" VALUES(11,'change_repo_permission',3,1,1,NULL,NULL,NULL,NULL,'{"username":"acme+bot","repo":"app","namespace":"acme","role":"read"}',1796038702614,NULL);
INSERT INTO "event" VALUES(12,'create_tag',3,1,3,NULL,NULL,NULL,NULL,'{"username":"acme","repo":"app","tag":"latest","manifest_digest":"sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a","namespace":"acme","original_manifest_digest":null}',1796038702639,NULL);
INSERT INTO "event" VALUES(13,'push_repo',3,1,3,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a","username":"acme","tag":"latest"}',1796038702640,NULL);
INSERT INTO "event" VALUES(14,'move_tag',3,1,3,NULL,NULL,NULL,NULL,'{"username":"acme","repo":"app","tag":"latest","manifest_digest":"sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1","namespace":"acme","original_manifest_digest":"sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a"}',1796038702664,NULL);
INSERT INTO "event" VALUES(15,'push_repo',3,1,3,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1","username":"acme","tag":"latest"}',1796038702664,NULL);
INSERT INTO "event" VALUES(16,'move_tag',3,1,3,NULL,NULL,NULL,NULL,'{"username":"acme","repo":"app","tag":"latest","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","namespace":"acme","original_manifest_digest":"sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1"}',1796038702674,NULL);
INSERT INTO "event" VALUES(17,'push_repo',3,1,3,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.index.v1+json","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","username":"acme","tag":"latest"}',1796038702675,NULL);
INSERT INTO "event" VALUES(18,'create_tag',3,1,3,NULL,NULL,NULL,NULL,'{"username":"acme","repo":"app","tag":"v1","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","namespace":"acme","original_manifest_digest":null}',1796038702685,NULL);
INSERT INTO "event" VALUES(19,'push_repo',3,1,3,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.index.v1+json","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","username":"acme","tag":"v1"}',1796038702686,NULL);
INSERT INTO "event" VALUES(20,'change_tag_immutability',3,1,1,NULL,NULL,NULL,NULL,'{"username":"ada","repo":"app","tag":"v1","namespace":"acme","immutable":true,"previous_immutable":false}',1796038702694,NULL);
INSERT INTO "event" VALUES(21,'create_tag',3,1,1,NULL,NULL,NULL,NULL,'{"username":"ada","repo":"app","tag":"v2","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","namespace":"acme","original_manifest_digest":null}',1796038702707,NULL);
INSERT INTO "event" VALUES(22,'change_tag_expiration',3,1,1,NULL,NULL,NULL,NULL,'{"username":"ada","repo":"app","tag":"v2","namespace":"acme","expiration_date":1796125102,"old_expiration_date":null}',1796038702715,NULL);
INSERT INTO "event" VALUES(23,'create_tag',3,2,3,NULL,NULL,NULL,NULL,'{"username":"acme","repo":"tools/base","tag":"1.0","manifest_digest":"sha256:095f9e33bb2d4b4f38a811e0db7b82f866dac54e3df179f2f71cafc174afe959","namespace":"acme","original_manifest_digest":null}',1796038702743,NULL);
INSERT INTO "event" VALUES(24,'push_repo',3,2,3,NULL,NULL,NULL,NULL,'{"repo":"tools/base","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:095f9e33bb2d4b4f38a811e0db7b82f866dac54e3df179f2f71cafc174afe959","username":"acme","tag":"1.0"}',1796038702744,NULL);
INSERT INTO "event" VALUES(25,'create_repo',1,3,1,NULL,NULL,NULL,NULL,'{"repo":"gone","namespace":"ada"}',1796038702753,NULL);
INSERT INTO "event" VALUES(26,'delete_repo',1,3,1,NULL,NULL,NULL,NULL,'{"repo":"gone","namespace":"ada"}',1796038702761,NULL);
INSERT INTO "event" VALUES(27,'create_repository_autoprune_policy',3,1,1,NULL,NULL,NULL,NULL,'{"method":"number_of_tags","value":10,"tag_pattern":null,"tag_pattern_matches":true,"namespace":"acme","repo":"app"}',1796038702776,NULL);
INSERT INTO "event" VALUES(28,'change_repo_permission',3,2,1,NULL,NULL,NULL,NULL,'{"username":"acme+bot","repo":"tools/base","namespace":"acme","role":"write"}',1796038702805,NULL);
INSERT INTO "event" VALUES(29,'change_repo_state',3,2,1,NULL,NULL,NULL,NULL,'{"repo":"tools/base","namespace":"acme","state_changed":"MIRROR"}',1796038702810,NULL);
INSERT INTO "event" VALUES(30,'repo_mirror_config_changed',3,2,1,NULL,NULL,NULL,NULL,'{"repo":"tools/base","namespace":"acme","user-agent":null,"changed":"external_reference","to":"9.9.9.9/tools/base","username":"ada"}',1796038702810,NULL);
INSERT INTO "event" VALUES(31,'org_create_quota',3,NULL,NULL,NULL,NULL,NULL,NULL,'{"namespace":"acme","limit_bytes":1000000000000,"limit":"931.3 GiB"}',1796038702886,NULL);
INSERT INTO "event" VALUES(32,'org_create_quota_limit',3,NULL,NULL,NULL,NULL,NULL,NULL,'{"namespace":"acme","type":"Warning","threshold_percent":80}',1796038702886,NULL);
INSERT INTO "event" VALUES(33,'org_create',5,NULL,1,NULL,NULL,NULL,NULL,'{"email":null,"namespace":"mirrors"}',1796038702893,NULL);
INSERT INTO "event" VALUES(34,'create_proxy_cache_config',5,NULL,1,NULL,NULL,NULL,NULL,'{"upstream_registry":"localhost:1"}',1796038702959,NULL);
INSERT INTO "event" VALUES(35,'add_repo_notification',3,1,1,NULL,NULL,NULL,NULL,'{"namespace":"acme","repo":"app","notification_id":"e8f13896-6704-42b8-9e9c-67578df7e568","event":"repo_push","method":"flowdock"}',1796038702983,NULL);
INSERT INTO "event" VALUES(36,'org_create',6,NULL,1,NULL,NULL,NULL,NULL,'{"email":null,"namespace":"followers"}',1796038703002,NULL);
INSERT INTO "event" VALUES(37,'create_robot',6,NULL,1,NULL,NULL,NULL,NULL,'{"robot":"bot","description":"","unstructured_metadata":{}}',1796038703012,NULL);
INSERT INTO "event" VALUES(38,'org_mirror_config_changed',6,NULL,1,NULL,NULL,NULL,NULL,'{"namespace":"followers","user-agent":null,"changed":"external_registry_url","to":"https://9.9.9.9","username":"ada"}',1796038703023,NULL);
INSERT INTO "event" VALUES(39,'build_dockerfile',3,1,1,NULL,NULL,NULL,NULL,'{"build_id":"907511a5-dad5-4320-bc6a-83089d1d5fec","docker_tags":["latest"],"is_manual":true,"repo":"app","namespace":"acme","manual_user":"ada"}',1796038703040,NULL);
INSERT INTO "event" VALUES(40,'build_queued',3,1,1,NULL,NULL,NULL,NULL,'{"build_id":"907511a5-dad5-4320-bc6a-83089d1d5fec","docker_tags":["latest"],"is_manual":true}',1796038703040,NULL);
INSERT INTO "event" VALUES(41,'build_dockerfile',3,1,1,NULL,NULL,NULL,NULL,'{"build_id":"544f3e5d-1c8f-42e8-8945-7dce4f750002","docker_tags":["latest"],"is_manual":true,"repo":"app","namespace":"acme","manual_user":"ada"}',1796038703050,NULL);
INSERT INTO "event" VALUES(42,'build_queued',3,1,1,NULL,NULL,NULL,NULL,'{"build_id":"544f3e5d-1c8f-42e8-8945-7dce4f750002","docker_tags":["latest"],"is_manual":true}',1796038703051,NULL);
INSERT INTO "event" VALUES(43,'setup_repo_trigger',3,1,1,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme","trigger_id":"7da141c4-9acd-4b22-932b-645ca81eae81","service":"custom-git","pull_robot":null,"config":{"build_source":"git@git.example.com:acme/app.git"}}',1796038703082,NULL);
INSERT INTO "event" VALUES(44,'build_dockerfile',3,1,1,NULL,NULL,NULL,NULL,'{"build_id":"627c1342-09c0-472d-9daf-aa72a6da2531","docker_tags":["aaaaaaa"],"is_manual":true,"trigger_id":"7da141c4-9acd-4b22-932b-645ca81eae81","trigger_kind":"custom-git","trigger_metadata":{"commit":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","git_url":"git@git.example.com:acme/app.git"},"repo":"app","namespace":"acme","manual_user":"ada"}',1796038703145,NULL);
INSERT INTO "event" VALUES(45,'build_queued',3,1,1,NULL,NULL,NULL,NULL,'{"build_id":"627c1342-09c0-472d-9daf-aa72a6da2531","docker_tags":["aaaaaaa"],"is_manual":true,"trigger_id":"7da141c4-9acd-4b22-932b-645ca81eae81","trigger_kind":"custom-git","trigger_metadata":{"commit":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","git_url":"git@git.example.com:acme/app.git"}}',1796038703146,NULL);
INSERT INTO "event" VALUES(46,'create_tag',3,1,3,NULL,NULL,NULL,NULL,'{"username":"acme","repo":"app","tag":"scanned","manifest_digest":"sha256:97025e279290e57f9fec67aee0f7b558598cf3619d814637dd55c5eadde8c11c","namespace":"acme","original_manifest_digest":null}',1796038703341,NULL);
INSERT INTO "event" VALUES(47,'push_repo',3,1,3,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:97025e279290e57f9fec67aee0f7b558598cf3619d814637dd55c5eadde8c11c","username":"acme","tag":"scanned"}',1796038703342,NULL);
INSERT INTO "event" VALUES(48,'set_pull_policy',3,NULL,1,NULL,NULL,NULL,NULL,'{"mode":"warn","min_severity":"High","allows_unfixed":false,"requires_scan":false,"namespace":"acme"}',1796038706337,NULL);
INSERT INTO "event" VALUES(49,'set_pull_policy',3,1,1,NULL,NULL,NULL,NULL,'{"mode":"warn","min_severity":"High","allows_unfixed":false,"requires_scan":false,"namespace":"acme","repo":"app"}',1796038706340,NULL);
INSERT INTO "event" VALUES(50,'set_pull_exception',3,1,1,NULL,NULL,NULL,NULL,'{"advisory":"B","reason":"r","ends_at_ms":1796038766342,"namespace":"acme","repo":"app"}',1796038706344,NULL);
CREATE TABLE "expiry_notice" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "notification_id" BIGINT NOT NULL,
    "expires_at_ms" BIGINT NOT NULL,
    "tag_id" BIGINT NOT NULL,
    CONSTRAINT "uid_expiry_noti_notific_540bea" UNIQUE ("notification_id", "expires_at_ms", "tag_id")
);
INSERT INTO "expiry_notice" VALUES(1,1,1,1);
CREATE TABLE "findings_revision" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "number" BIGINT NOT NULL
);
INSERT INTO "findings_revision" VALUES(1,3);
CREATE TABLE "found_package" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "file_id" BIGINT NOT NULL REFERENCES "package_file" ("id") ON DELETE CASCADE,
    "package_id" BIGINT NOT NULL REFERENCES "package" ("id") ON DELETE RESTRICT,
    CONSTRAINT "uid_found_packa_file_id_818d16" UNIQUE ("file_id", "package_id")
);
INSERT INTO "found_package" VALUES(1,1,1);
INSERT INTO "found_package" VALUES(2,2,2);
CREATE TABLE "global_message" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "content" TEXT NOT NULL,
    "media_type" VARCHAR(64) NOT NULL,
    "severity" VARCHAR(16) NOT NULL,
    "created_at_ms" BIGINT NOT NULL
);
CREATE TABLE "held_manifest" (
    "cache_id" BIGINT NOT NULL,
    "used_at_ms" BIGINT NOT NULL,
    "manifest_id" BIGINT NOT NULL  PRIMARY KEY REFERENCES "manifest" ("id") ON DELETE CASCADE
);
INSERT INTO "held_manifest" VALUES(1,1,1);
CREATE TABLE "hidden_file" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "file_id" BIGINT NOT NULL REFERENCES "package_file" ("id") ON DELETE CASCADE,
    "manifest_id" BIGINT NOT NULL REFERENCES "manifest" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_hidden_file_manifes_ab67fb" UNIQUE ("manifest_id", "file_id")
);
INSERT INTO "hidden_file" VALUES(1,1,5);
CREATE TABLE "immutability_policy" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "tag_pattern" VARCHAR(256) NOT NULL,
    "tag_pattern_matches" INT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "namespace_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT REFERENCES "repository" ("id") ON DELETE CASCADE
);
CREATE TABLE "inbox_dismissal" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "notice_id" BIGINT NOT NULL REFERENCES "inbox_notice" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_inbox_dismi_notice__85c5d0" UNIQUE ("notice_id", "account_id")
);
INSERT INTO "inbox_dismissal" VALUES(1,1,1);
CREATE TABLE "inbox_notice" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "kind" VARCHAR(64) NOT NULL,
    "metadata" JSON NOT NULL,
    "source" VARCHAR(64)  UNIQUE,
    "created_at_ms" BIGINT NOT NULL,
    "account_id" BIGINT REFERENCES "account" ("id") ON DELETE CASCADE,
    "invite_id" BIGINT REFERENCES "team_invite" ("id") ON DELETE CASCADE,
    "team_id" BIGINT REFERENCES "team" ("id") ON DELETE CASCADE
, "repository_id" BIGINT);
INSERT INTO "inbox_notice" VALUES(1,'quota_warning','{"namespace":"ada"}',NULL,1796038702832,1,NULL,NULL,NULL);
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
INSERT INTO "job" VALUES(4,'repository.purge','{"repository_id":3}','waiting',1796038702760,0,NULL,NULL,NULL,1796038702760,NULL,1,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "job" VALUES(5,'prune.run','{"namespace_id":3,"repository_id":1}','waiting',1796038712777,0,NULL,NULL,NULL,1796038702777,NULL,3,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "job" VALUES(6,'mail.send','{"mail_id":1,"attempt":1}','waiting',1796038702845,0,NULL,NULL,NULL,1796038702845,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "job" VALUES(7,'notification.deliver','{"notification_id":1}','waiting',1796038702996,0,NULL,NULL,NULL,1796038702996,NULL,3,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "job" VALUES(8,'build.run','{"build_id":1}','waiting',1796038703039,0,NULL,NULL,NULL,1796038703039,NULL,3,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "job" VALUES(9,'build.run','{"build_id":2}','waiting',1796038703050,0,NULL,NULL,NULL,1796038703050,NULL,3,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "job" VALUES(10,'build.run','{"build_id":3}','waiting',1796038703140,0,NULL,NULL,NULL,1796038703140,NULL,3,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "job" VALUES(11,'advisories.compare','{}','waiting',1796038703248,0,NULL,NULL,NULL,1796038703248,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "job" VALUES(13,'upload.expire','{}','waiting',1796038706345,0,NULL,NULL,NULL,1796038706345,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
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
CREATE TABLE "layer_listing" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "number" INT NOT NULL,
    "first_path" TEXT NOT NULL,
    "content" BLOB NOT NULL,
    "layer_id" BIGINT NOT NULL REFERENCES "scanned_layer" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_layer_listi_layer_i_075323" UNIQUE ("layer_id", "number")
);
INSERT INTO "layer_listing" VALUES(1,0,'etc/os-release',X'789C45CD3B0EC2300C00D09D63640EAAE34F929EA56270631B219040B4707E60627EC35B92EF63BA6FC7A7DF5C374F3945CA8C909173C20E856198AF2168680C3CDC08D6329B56028C519867EEE10284D803593A0D113630B6743A2CE9ADCFE97659277B5CCFD3B6EBFEDAFE4BEB39B1D5706AD15672194DA8AA8E4E250A05471877F05961066CC32AA1162591DAFA4FB0E877F9009D7C365A',3);
INSERT INTO "layer_listing" VALUES(2,0,'etc/os-release',X'789C45CECB0DC2300C00D03B63E41C54C7B183334BC521FE04219040B4303FDC98E0BD35C56ECB633BBEE21E638B94D34C991032524E285008CC4327A3A313908557D0D27DB40A38AD107592190C155126124B35667270F2743EACE9335ECBFDAA8B3F6F9765DBC7FEDEFECA49720A57D73154C4A4298A0DEB15BA752ED6B8D498EA1D9BB7D9F937D246D191A7573B19B2C64FF902C4FA378B',4);
CREATE TABLE "lease" (
    "name" VARCHAR(64) NOT NULL  PRIMARY KEY,
    "holder" VARCHAR(64) NOT NULL,
    "expires_at_ms" BIGINT NOT NULL
);
INSERT INTO "lease" VALUES('job-runner','elsewhere:1:1',1796038706347);
CREATE TABLE "mail" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "recipient" VARCHAR(254) NOT NULL,
    "subject" VARCHAR(255) NOT NULL,
    "body" TEXT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "sent_at_ms" BIGINT,
    "error" TEXT
);
INSERT INTO "mail" VALUES(1,'crew@example.com','Notifications of the repository acme/app','ada asks whether this address may get notifications of the repository acme/app
on 127.0.0.1:8080.

To agree, open this page within three days:

http://127.0.0.1:8080/authrepoemail?code=yYbBaSw7dOzynaHFKrRwvzBY5h5Sr0uYuXYl5x9U

If you do nothing, no notifications are sent.
',1796038702844,NULL,NULL);
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
INSERT INTO "manifest" VALUES(1,'sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a','application/vnd.oci.image.manifest.v1+json','application/vnd.oci.image.config.v1+json',398,5,0,'sha256:40948e70c55857b93ae3034e63ec05e8775349d45a604fbb3b6d0a3573a7fe96','application/vnd.oci.image.config.v1+json',NULL,NULL,'linux','amd64',NULL,1796038702632,1,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "manifest" VALUES(2,'sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1','application/vnd.oci.image.manifest.v1+json','application/vnd.oci.image.config.v1+json',398,5,0,'sha256:3b84d4d269107c7182b796419a332bc2569845a5898cd6187f9c54b043561576','application/vnd.oci.image.config.v1+json',NULL,NULL,'linux','arm64','v8',1796038702657,1,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "manifest" VALUES(3,'sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088','application/vnd.oci.image.index.v1+json',NULL,393,0,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1796038702670,1,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "manifest" VALUES(4,'sha256:095f9e33bb2d4b4f38a811e0db7b82f866dac54e3df179f2f71cafc174afe959','application/vnd.oci.image.manifest.v1+json','application/vnd.oci.image.config.v1+json',398,4,0,'sha256:c5b1d63604f273462ef36fadac3182d43ae6a6138731cf594b314835cf1c034f','application/vnd.oci.image.config.v1+json',NULL,NULL,'linux','amd64',NULL,1796038702740,2,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "manifest" VALUES(5,'sha256:97025e279290e57f9fec67aee0f7b558598cf3619d814637dd55c5eadde8c11c','application/vnd.oci.image.manifest.v1+json','application/vnd.oci.image.config.v1+json',554,451,0,'sha256:c5b1d63604f273462ef36fadac3182d43ae6a6138731cf594b314835cf1c034f','application/vnd.oci.image.config.v1+json',NULL,NULL,'linux','amd64',NULL,1796038703333,1,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE "manifest_blob" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "position" INT NOT NULL,
    "role" VARCHAR(16) NOT NULL,
    "digest" VARCHAR(140) NOT NULL,
    "media_type" VARCHAR(255) NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "is_distributable" INT NOT NULL,
    "manifest_id" BIGINT NOT NULL REFERENCES "manifest" ("id") ON DELETE CASCADE, "namespace_id" BIGINT,
    CONSTRAINT "uid_manifest_bl_manifes_1ad51e" UNIQUE ("manifest_id", "position")
);
INSERT INTO "manifest_blob" VALUES(1,0,'config','sha256:40948e70c55857b93ae3034e63ec05e8775349d45a604fbb3b6d0a3573a7fe96','application/vnd.oci.image.config.v1+json',40,1,1,3);
INSERT INTO "manifest_blob" VALUES(2,1,'layer','sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85','application/vnd.oci.image.layer.v1.tar+gzip',5,1,1,3);
INSERT INTO "manifest_blob" VALUES(3,0,'config','sha256:3b84d4d269107c7182b796419a332bc2569845a5898cd6187f9c54b043561576','application/vnd.oci.image.config.v1+json',57,1,2,3);
INSERT INTO "manifest_blob" VALUES(4,1,'layer','sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85','application/vnd.oci.image.layer.v1.tar+gzip',5,1,2,3);
INSERT INTO "manifest_blob" VALUES(5,0,'config','sha256:c5b1d63604f273462ef36fadac3182d43ae6a6138731cf594b314835cf1c034f','application/vnd.oci.image.config.v1+json',78,1,4,3);
INSERT INTO "manifest_blob" VALUES(6,1,'layer','sha256:cae662172fd450bb0cd710a769079c05bfc5d8e35efa6576edc7d0377afdd4a2','application/vnd.oci.image.layer.v1.tar+gzip',4,1,4,3);
INSERT INTO "manifest_blob" VALUES(7,0,'config','sha256:c5b1d63604f273462ef36fadac3182d43ae6a6138731cf594b314835cf1c034f','application/vnd.oci.image.config.v1+json',78,1,5,3);
INSERT INTO "manifest_blob" VALUES(8,1,'layer','sha256:d8a1bcc24e8ffc639e3f63687dfe6daf64b5a417a4268bd54c72b4f943effd53','application/vnd.oci.image.layer.v1.tar+gzip',226,1,5,3);
INSERT INTO "manifest_blob" VALUES(9,2,'layer','sha256:9705c102b1bb78d84d8b98be916211a20bdcb15f04b4967327b065f330d91abb','application/vnd.oci.image.layer.v1.tar+gzip',225,1,5,3);
CREATE TABLE "manifest_body" (
    "body" BLOB NOT NULL,
    "manifest_id" BIGINT NOT NULL  PRIMARY KEY REFERENCES "manifest" ("id") ON DELETE CASCADE
);
INSERT INTO "manifest_body" VALUES(X'7B22736368656D6156657273696F6E223A322C226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22636F6E666967223A7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E636F6E6669672E76312B6A736F6E222C22646967657374223A227368613235363A34303934386537306335353835376239336165333033346536336563303565383737353334396434356136303466626233623664306133353733613766653936222C2273697A65223A34307D2C226C6179657273223A5B7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6C617965722E76312E7461722B677A6970222C22646967657374223A227368613235363A64616331643763666139353032313736343834396664313032353234653134313438386335653361393066383631646262356131326439616338353834663835222C2273697A65223A357D5D7D',1);
INSERT INTO "manifest_body" VALUES(X'7B22736368656D6156657273696F6E223A322C226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22636F6E666967223A7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E636F6E6669672E76312B6A736F6E222C22646967657374223A227368613235363A33623834643464323639313037633731383262373936343139613333326263323536393834356135383938636436313837663963353462303433353631353736222C2273697A65223A35377D2C226C6179657273223A5B7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6C617965722E76312E7461722B677A6970222C22646967657374223A227368613235363A64616331643763666139353032313736343834396664313032353234653134313438386335653361393066383631646262356131326439616338353834663835222C2273697A65223A357D5D7D',2);
INSERT INTO "manifest_body" VALUES(X'7B22736368656D6156657273696F6E223A322C226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E696E6465782E76312B6A736F6E222C226D616E696665737473223A5B7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22646967657374223A227368613235363A63626433656335656636613466623635333437326661613736333535373163626135363162613363663564656362646161633239653665353031663738633861222C2273697A65223A3339387D2C7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22646967657374223A227368613235363A35323231343835646366346434326138633639613864326664666366323964323062303037326166633765633563643666306632643438663235333836306431222C2273697A65223A3339387D5D7D',3);
INSERT INTO "manifest_body" VALUES(X'7B22736368656D6156657273696F6E223A322C226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22636F6E666967223A7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E636F6E6669672E76312B6A736F6E222C22646967657374223A227368613235363A63356231643633363034663237333436326566333666616461633331383264343361653661363133383733316366353934623331343833356366316330333466222C2273697A65223A37387D2C226C6179657273223A5B7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6C617965722E76312E7461722B677A6970222C22646967657374223A227368613235363A63616536363231373266643435306262306364373130613736393037396330356266633564386533356566613635373665646337643033373761666464346132222C2273697A65223A347D5D7D',4);
INSERT INTO "manifest_body" VALUES(X'7B22736368656D6156657273696F6E223A322C226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22636F6E666967223A7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E636F6E6669672E76312B6A736F6E222C22646967657374223A227368613235363A63356231643633363034663237333436326566333666616461633331383264343361653661363133383733316366353934623331343833356366316330333466222C2273697A65223A37387D2C226C6179657273223A5B7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6C617965722E76312E7461722B677A6970222C22646967657374223A227368613235363A64386131626363323465386666633633396533663633363837646665366461663634623561343137613432363862643534633732623466393433656666643533222C2273697A65223A3232367D2C7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6C617965722E76312E7461722B677A6970222C22646967657374223A227368613235363A39373035633130326231626237386438346438623938626539313632313161323062646362313566303462343936373332376230363566333330643931616262222C2273697A65223A3232357D5D7D',5);
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
    "manifest_id" BIGINT NOT NULL REFERENCES "manifest" ("id") ON DELETE CASCADE, "namespace_id" BIGINT,
    CONSTRAINT "uid_manifest_ch_manifes_11c957" UNIQUE ("manifest_id", "position")
);
INSERT INTO "manifest_child" VALUES(1,0,'sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a','application/vnd.oci.image.manifest.v1+json',NULL,398,NULL,NULL,NULL,3,3);
INSERT INTO "manifest_child" VALUES(2,1,'sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1','application/vnd.oci.image.manifest.v1+json',NULL,398,NULL,NULL,NULL,3,3);
CREATE TABLE "manifest_pulls" (
    "manifest_id" BIGINT NOT NULL  PRIMARY KEY,
    "pulls" BIGINT NOT NULL,
    "last_pulled_at_ms" BIGINT NOT NULL
);
CREATE TABLE "manifest_scan" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "state" VARCHAR(16) NOT NULL,
    "reason" TEXT,
    "version" INT NOT NULL,
    "scanned_at_ms" BIGINT,
    "due_at_ms" BIGINT,
    "distribution_name" VARCHAR(64),
    "distribution_version" VARCHAR(64),
    "manifest_id" BIGINT NOT NULL UNIQUE REFERENCES "manifest" ("id") ON DELETE CASCADE
);
INSERT INTO "manifest_scan" VALUES(1,'failed','The layer is no tar archive, or one that is damaged.',1,1796038704964,NULL,NULL,NULL,1);
INSERT INTO "manifest_scan" VALUES(2,'failed','The layer is no tar archive, or one that is damaged.',1,1796038704966,NULL,NULL,NULL,2);
INSERT INTO "manifest_scan" VALUES(3,'failed','The layer is no tar archive, or one that is damaged.',1,1796038705570,NULL,NULL,NULL,4);
INSERT INTO "manifest_scan" VALUES(4,'scanned',NULL,1,1796038706329,NULL,'debian','12',5);
CREATE TABLE "mirror_run" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "job_id" BIGINT,
    "status" VARCHAR(16) NOT NULL,
    "started_at_ms" BIGINT NOT NULL,
    "ended_at_ms" BIGINT,
    "tag_count" BIGINT,
    "done_count" BIGINT NOT NULL,
    "changed_count" BIGINT NOT NULL,
    "removed_count" BIGINT NOT NULL,
    "failed_count" BIGINT NOT NULL,
    "fetched_bytes" BIGINT NOT NULL,
    "message" TEXT,
    "failures" JSON NOT NULL,
    "mirror_id" BIGINT NOT NULL REFERENCES "repository_mirror" ("id") ON DELETE CASCADE
);
INSERT INTO "mirror_run" VALUES(1,NULL,'SUCCESS',1,2,NULL,0,0,0,0,0,NULL,'[]',1);
CREATE TABLE "namespace_content" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "namespace_id" BIGINT NOT NULL,
    "digest" VARCHAR(140) NOT NULL,
    "is_manifest" INT NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "holders" BIGINT NOT NULL,
    CONSTRAINT "uid_namespace_c_namespa_8cdcf0" UNIQUE ("namespace_id", "digest", "is_manifest")
);
INSERT INTO "namespace_content" VALUES(1,3,'sha256:40948e70c55857b93ae3034e63ec05e8775349d45a604fbb3b6d0a3573a7fe96',0,40,1);
INSERT INTO "namespace_content" VALUES(2,3,'sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85',0,5,1);
INSERT INTO "namespace_content" VALUES(3,3,'sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a',1,398,1);
INSERT INTO "namespace_content" VALUES(4,3,'sha256:3b84d4d269107c7182b796419a332bc2569845a5898cd6187f9c54b043561576',0,57,1);
INSERT INTO "namespace_content" VALUES(5,3,'sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1',1,398,1);
INSERT INTO "namespace_content" VALUES(6,3,'sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088',1,393,1);
INSERT INTO "namespace_content" VALUES(7,3,'sha256:c5b1d63604f273462ef36fadac3182d43ae6a6138731cf594b314835cf1c034f',0,78,2);
INSERT INTO "namespace_content" VALUES(8,3,'sha256:cae662172fd450bb0cd710a769079c05bfc5d8e35efa6576edc7d0377afdd4a2',0,4,1);
INSERT INTO "namespace_content" VALUES(9,3,'sha256:095f9e33bb2d4b4f38a811e0db7b82f866dac54e3df179f2f71cafc174afe959',1,398,1);
INSERT INTO "namespace_content" VALUES(11,3,'sha256:d8a1bcc24e8ffc639e3f63687dfe6daf64b5a417a4268bd54c72b4f943effd53',0,226,1);
INSERT INTO "namespace_content" VALUES(12,3,'sha256:9705c102b1bb78d84d8b98be916211a20bdcb15f04b4967327b065f330d91abb',0,225,1);
INSERT INTO "namespace_content" VALUES(13,3,'sha256:97025e279290e57f9fec67aee0f7b558598cf3619d814637dd55c5eadde8c11c',1,554,1);
CREATE TABLE "namespace_size" (
    "namespace_id" BIGINT NOT NULL  PRIMARY KEY,
    "stored_bytes" BIGINT NOT NULL
);
INSERT INTO "namespace_size" VALUES(3,2776);
CREATE TABLE "notification" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "event" VARCHAR(32) NOT NULL,
    "method" VARCHAR(32) NOT NULL,
    "title" VARCHAR(255),
    "config" JSON NOT NULL,
    "event_config" JSON NOT NULL,
    "secret" TEXT,
    "number_of_failures" INT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "since_transaction_id" BIGINT NOT NULL,
    "since_event_id" BIGINT NOT NULL,
    "job_id" BIGINT,
    "resend_up_to_id" BIGINT,
    "namespace_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT REFERENCES "repository" ("id") ON DELETE CASCADE
);
INSERT INTO "notification" VALUES(1,'e8f13896-6704-42b8-9e9c-67578df7e568','repo_push','flowdock',NULL,'{"flow_api_token":"token"}','{}',NULL,0,1796038702980,0,34,7,NULL,3,1);
CREATE TABLE "notification_delivery" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "notification_id" BIGINT NOT NULL,
    "event_id" VARCHAR(36) NOT NULL,
    "is_test" INT NOT NULL,
    "payload" JSON NOT NULL,
    "status" VARCHAR(16) NOT NULL,
    "attempts" INT NOT NULL,
    "http_status" INT,
    "response" TEXT,
    "error" TEXT,
    "created_at_ms" BIGINT NOT NULL,
    "next_attempt_at_ms" BIGINT,
    "last_attempt_at_ms" BIGINT,
    "ended_at_ms" BIGINT
);
INSERT INTO "notification_delivery" VALUES(1,1,'7e12aeaf-bdf6-43b4-bea5-757f6dd6d71b',1,'{"repository":"acme/app","namespace":"acme","name":"app","docker_url":"127.0.0.1:8080/acme/app","homepage":"http://127.0.0.1:8080/repository/acme/app","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","tags":["latest","foo"],"updated_tags":["latest","foo"],"pruned_image_count":3,"media_type":"application/vnd.oci.image.manifest.v1+json","event":"repo_push","event_id":"7e12aeaf-bdf6-43b4-bea5-757f6dd6d71b","occurred_at":"2026-11-30T11:38:22.994Z","actor":"ada"}','test',0,NULL,NULL,NULL,1796038702996,NULL,NULL,NULL);
CREATE TABLE "organization_mirror" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "catalog" VARCHAR(16) NOT NULL,
    "registry_url" VARCHAR(512) NOT NULL,
    "upstream_namespace" VARCHAR(255) NOT NULL,
    "source" VARCHAR(512) NOT NULL,
    "username_encrypted" TEXT,
    "password_encrypted" TEXT,
    "proxy_encrypted" TEXT,
    "verifies_tls" INT NOT NULL,
    "accepts_unsigned" INT NOT NULL,
    "repository_patterns" JSON NOT NULL,
    "visibility" VARCHAR(16) NOT NULL,
    "is_enabled" INT NOT NULL,
    "sync_starts_at_ms" BIGINT,
    "sync_interval_s" BIGINT NOT NULL,
    "tag_timeout_s" BIGINT NOT NULL,
    "status" VARCHAR(16) NOT NULL,
    "retries_remaining" INT NOT NULL,
    "job_id" BIGINT,
    "message" TEXT,
    "created_at_ms" BIGINT NOT NULL,
    "robot_id" BIGINT REFERENCES "account" ("id") ON DELETE SET NULL,
    "organization_id" BIGINT NOT NULL UNIQUE REFERENCES "account" ("id") ON DELETE CASCADE
, "extra_cas" TEXT);
INSERT INTO "organization_mirror" VALUES(1,'catalog','https://9.9.9.9','team','9.9.9.9/team','gAAAAABrDWAvA6wIEIkztyckn3_4Arxs4luA1o3QqvDgyxOY-hA_1cBl4DnqOIePBoSX0mBEJE_JxHLAt6gO7ubTuX2gv47-gQ==','gAAAAABrDWAv10DZvL1PtyeTx19ppUBp2uwCHDcpOd9JJqJnwqNfxwzgaUmjWkMEqfB9bEVlGApAQqGfAGLhtcMp_IMGVwIKHQ==',NULL,1,0,'["*"]','private',1,1,60,300,'NEVER_RUN',3,NULL,NULL,1796038703020,7,6,NULL);
CREATE TABLE "package" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "key" VARCHAR(64) NOT NULL UNIQUE,
    "ecosystem" VARCHAR(16) NOT NULL,
    "distribution_name" VARCHAR(64) NOT NULL,
    "distribution_version" VARCHAR(64) NOT NULL,
    "name" VARCHAR(512) NOT NULL,
    "version" VARCHAR(255) NOT NULL,
    "source_name" VARCHAR(512) NOT NULL,
    "source_version" VARCHAR(255) NOT NULL,
    "architecture" VARCHAR(64) NOT NULL
);
INSERT INTO "package" VALUES(1,'1e07823c142cb1262ed906f2f745a5b467db35d417208dd57686326690fa9ecf','deb','debian','12','curl','8.0-1','','','amd64');
INSERT INTO "package" VALUES(2,'741ff39c93f06943a57eafebf5eb0d1e77e54b5319b23a94f252dea99a71e53b','deb','debian','12','curl','8.0-2','','','amd64');
CREATE TABLE "package_file" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "path" TEXT NOT NULL,
    "parser" VARCHAR(32) NOT NULL,
    "layer_id" BIGINT NOT NULL REFERENCES "scanned_layer" ("id") ON DELETE CASCADE
);
INSERT INTO "package_file" VALUES(1,'var/lib/dpkg/status','dpkg',3);
INSERT INTO "package_file" VALUES(2,'var/lib/dpkg/status','dpkg',4);
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
CREATE TABLE "proxy_cache" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "upstream_registry" VARCHAR(512) NOT NULL,
    "username_encrypted" TEXT,
    "password_encrypted" TEXT,
    "expiration_s" INT NOT NULL,
    "is_insecure" INT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "organization_id" BIGINT NOT NULL UNIQUE REFERENCES "account" ("id") ON DELETE CASCADE
);
INSERT INTO "proxy_cache" VALUES(1,'localhost:1','gAAAAABrDWAuFjq4O_icbO0H8w1FoIHVZuPh6AoSXSqKjARcOVMroiVQNAVcMtXJsvbQLrh4JT568QaOkTHoKWqEkyFkj-vgWg==','gAAAAABrDWAupLpUITdalg9m5N3S1Lo1JJg2j1Ia5ehgmLopTa52XqOLxDXjwKWpFx9kvv9bI09ZffjzN4fkCbPf6kJYGIzslA==',86400,1,1796038702906,5);
CREATE TABLE "prune_policy" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "method" VARCHAR(32) NOT NULL,
    "value" VARCHAR(64) NOT NULL,
    "tag_pattern" VARCHAR(256),
    "tag_pattern_matches" INT NOT NULL,
    "kept_if_pulled_within_days" INT,
    "created_at_ms" BIGINT NOT NULL,
    "namespace_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT REFERENCES "repository" ("id") ON DELETE CASCADE
);
INSERT INTO "prune_policy" VALUES(1,'3b5fb20e-fb0b-4fb7-a527-5ad527ddd240','number_of_tags','10',NULL,1,NULL,1796038702773,3,1);
CREATE TABLE "prune_run" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "started_at_ms" BIGINT NOT NULL,
    "ended_at_ms" BIGINT,
    "tag_count" BIGINT NOT NULL,
    "tags" JSON NOT NULL,
    "error" TEXT,
    "policy_id" BIGINT NOT NULL REFERENCES "prune_policy" ("id") ON DELETE CASCADE
);
INSERT INTO "prune_run" VALUES(1,1796038702779,1796038702779,0,'[]',NULL,1);
CREATE TABLE "pull_exception" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "advisory" VARCHAR(128) NOT NULL,
    "reason" TEXT NOT NULL,
    "ends_at_ms" BIGINT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "policy_id" BIGINT NOT NULL REFERENCES "pull_policy" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_pull_except_policy__9d0f84" UNIQUE ("policy_id", "advisory")
);
INSERT INTO "pull_exception" VALUES(1,'B','r',1796038766342,1796038706342,2);
CREATE TABLE "pull_policy" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "mode" VARCHAR(16) NOT NULL,
    "severity" SMALLINT NOT NULL,
    "allows_unfixed" INT NOT NULL,
    "requires_scan" INT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "changed_at_ms" BIGINT NOT NULL,
    "namespace_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT REFERENCES "repository" ("id") ON DELETE CASCADE
);
INSERT INTO "pull_policy" VALUES(1,'warn',1,0,0,1796038706336,1796038706336,3,NULL);
INSERT INTO "pull_policy" VALUES(2,'warn',1,0,0,1796038706339,1796038706339,3,1);
CREATE TABLE "pull_policy_notice" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "mode" VARCHAR(16) NOT NULL,
    "noted_at_ms" BIGINT NOT NULL,
    "manifest_id" BIGINT NOT NULL REFERENCES "manifest" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_pull_policy_manifes_7ea93c" UNIQUE ("manifest_id", "mode")
);
INSERT INTO "pull_policy_notice" VALUES(1,'enforce',1796038706332,1);
CREATE TABLE "quota" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "limit_bytes" BIGINT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "namespace_id" BIGINT NOT NULL UNIQUE REFERENCES "account" ("id") ON DELETE CASCADE
);
INSERT INTO "quota" VALUES(1,1000000000000,1796038702883,3);
CREATE TABLE "quota_limit" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "kind" VARCHAR(16) NOT NULL,
    "percent" INT NOT NULL,
    "quota_id" BIGINT NOT NULL REFERENCES "quota" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_quota_limit_quota_i_4b508d" UNIQUE ("quota_id", "kind", "percent")
);
INSERT INTO "quota_limit" VALUES(1,'warning',80,1);
CREATE TABLE "quota_notice" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "kind" VARCHAR(16) NOT NULL,
    "percent" INT NOT NULL,
    "noted_at_ms" BIGINT NOT NULL,
    "namespace_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_quota_notic_namespa_1397e5" UNIQUE ("namespace_id", "kind", "percent")
);
INSERT INTO "quota_notice" VALUES(1,'reject',100,1,3);
CREATE TABLE "rate_count" (
    "key" VARCHAR(64) NOT NULL  PRIMARY KEY,
    "count" INT NOT NULL,
    "began_at_ms" BIGINT NOT NULL
);
INSERT INTO "rate_count" VALUES('255e66971e280cf3dd98e9616c20f6dfa0c3a86578e7c2ea853093c1c1cbd3ed',2,1796038702842);
INSERT INTO "rate_count" VALUES('8c6576a903731f3c17d021f02d100c7da87f5bd0b2221ac3a675b1af83a92695',1,1796038702843);
INSERT INTO "rate_count" VALUES('256e21d7cf42898464e9eceb1a0eafdde7ffba4c276e54745f2127a36f40dc96',1,1796038702870);
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
INSERT INTO "repository" VALUES(1,'5ac09ea1-73b7-4e07-bce9-905abc28f4d4','app','private','NORMAL',NULL,'FUQRT3DTS1N67ZXWJUQSID8PBOG0TAIMGYMD6XAX',0,1796038702394,NULL,3,'acme/app',0);
INSERT INTO "repository" VALUES(2,'975c52c2-8740-478b-8660-a1470ed62f8b','tools/base','public','MIRROR',NULL,'DNWGHTUEXCIRJEP02LDPUSL14J1ZDWK6L7GMQH8S',0,1796038702602,NULL,3,'acme/tools/base',0);
INSERT INTO "repository" VALUES(3,'bb793857-1bc3-4f2b-a6a1-f8bb283b2f7a','bb793857-1bc3-4f2b-a6a1-f8bb283b2f7a','private','MARKED_FOR_DELETION',NULL,'OZS2ZCL8WK20GMDS1J2PP9Y21T3PKV5YRXXDI9Z3',1,1796038702752,1796038702759,1,'ada/bb793857-1bc3-4f2b-a6a1-f8bb283b2f7a',0);
CREATE TABLE "repository_blob" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "blob_id" BIGINT NOT NULL REFERENCES "blob" ("id") ON DELETE RESTRICT,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_repository__reposit_b80265" UNIQUE ("repository_id", "blob_id")
);
INSERT INTO "repository_blob" VALUES(1,1796038702619,1,1);
INSERT INTO "repository_blob" VALUES(2,1796038702648,3,1);
INSERT INTO "repository_blob" VALUES(3,1796038702645,5,1);
INSERT INTO "repository_blob" VALUES(5,1796038702728,8,2);
INSERT INTO "repository_blob" VALUES(6,1796038702734,10,2);
INSERT INTO "repository_blob" VALUES(7,1796038703282,8,1);
INSERT INTO "repository_blob" VALUES(8,1796038703315,13,1);
INSERT INTO "repository_blob" VALUES(9,1796038703327,15,1);
CREATE TABLE "repository_mirror" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "source" VARCHAR(512) NOT NULL,
    "username_encrypted" TEXT,
    "password_encrypted" TEXT,
    "proxy_encrypted" TEXT,
    "verifies_tls" INT NOT NULL,
    "accepts_unsigned" INT NOT NULL,
    "tag_patterns" JSON NOT NULL,
    "architectures" JSON NOT NULL,
    "is_enabled" INT NOT NULL,
    "follows_deletions" INT NOT NULL,
    "sync_starts_at_ms" BIGINT,
    "sync_interval_s" BIGINT NOT NULL,
    "tag_timeout_s" BIGINT NOT NULL,
    "status" VARCHAR(16) NOT NULL,
    "retries_remaining" INT NOT NULL,
    "claimed_until_ms" BIGINT,
    "created_at_ms" BIGINT NOT NULL,
    "robot_id" BIGINT REFERENCES "account" ("id") ON DELETE SET NULL,
    "repository_id" BIGINT NOT NULL UNIQUE REFERENCES "repository" ("id") ON DELETE CASCADE
, "extra_cas" TEXT);
INSERT INTO "repository_mirror" VALUES(1,'9.9.9.9/tools/base','gAAAAABrDWAuUAu_R_oNQMpMxPzgOBN5BLR36YtV1ggtfyieFmttf5H_gJAEE0lGDETKJNT-LZi53iMI5tZzgjLYumMPr6-WFg==','gAAAAABrDWAukNU_ASks37pN2z1lYgpAi1_m1wdiUqEcrcj0pa8v5ZMbWXuJcHmAsGVuCPB05zKMsj7YCJKPrdcCAjuYHJZuhg==',NULL,1,0,'["1.*"]','[]',1,0,1796038702788,3600,300,'NEVER_RUN',3,NULL,1796038702801,4,2,NULL);
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
INSERT INTO "repository_permission" VALUES(5,'write',4,2,NULL);
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
CREATE TABLE "repository_size" (
    "repository_id" BIGINT NOT NULL  PRIMARY KEY,
    "namespace_id" BIGINT NOT NULL,
    "stored_bytes" BIGINT NOT NULL
);
INSERT INTO "repository_size" VALUES(1,3,2374);
INSERT INTO "repository_size" VALUES(2,3,480);
CREATE TABLE "robot" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "token_encrypted" TEXT NOT NULL,
    "description" TEXT NOT NULL,
    "unstructured_metadata" JSON NOT NULL,
    "owner_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE RESTRICT,
    "account_id" BIGINT NOT NULL UNIQUE REFERENCES "account" ("id") ON DELETE CASCADE
);
INSERT INTO "robot" VALUES(1,'gAAAAABrDWAunbjQDJ_qx3Xbke0ivUqH5G159zMjd3UNe794zsyGs7yHPDOJ1AMF2BKmMix_EFE7oarc1rhlzx8notfO9W-x4bweyj_4ccQWHPrhhL4wR6J6QOBO51O28_RaFQTlj9Ta7Z0BIxmgDN7KQrk7KUiCU13VUOM45k2m50zaMUbXvlM=','','{}',3,4);
INSERT INTO "robot" VALUES(2,'gAAAAABrDWAvpdQc-a8e7PhalEQeLv8d2ZxyFdztNGn1dVg3_qOFHpDCAN_aMg3-M8t8I1TgSrjjkokYzjIdGyVJiCNNwbXEWaStuxiV9yi7OLQ_wGSPRfIfXl0b1-z1bBghGjGXJL_rqX2Iq2cm8qQAkp-05BoVYcVegKIX3WSKm7xenZAGfJw=','','{}',6,7);
CREATE TABLE "robot_federation" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "issuer" VARCHAR(255) NOT NULL,
    "subject" VARCHAR(255) NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_robot_feder_account_2b40ea" UNIQUE ("account_id", "issuer", "subject")
);
CREATE TABLE "scanned_layer" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "digest" VARCHAR(140) NOT NULL UNIQUE,
    "state" VARCHAR(16) NOT NULL,
    "reason" TEXT,
    "version" INT NOT NULL,
    "scanned_at_ms" BIGINT NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "entry_count" BIGINT NOT NULL,
    "distribution_name" VARCHAR(64),
    "distribution_version" VARCHAR(64),
    "removals" BLOB,
    "problems" JSON NOT NULL,
    "blob_id" BIGINT NOT NULL UNIQUE REFERENCES "blob" ("id") ON DELETE CASCADE
);
INSERT INTO "scanned_layer" VALUES(1,'sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85','failed','The layer is no tar archive, or one that is damaged.',1,1796038704959,0,0,NULL,NULL,NULL,'[]',3);
INSERT INTO "scanned_layer" VALUES(2,'sha256:cae662172fd450bb0cd710a769079c05bfc5d8e35efa6576edc7d0377afdd4a2','failed','The layer is no tar archive, or one that is damaged.',1,1796038705568,0,0,NULL,NULL,NULL,'[]',10);
INSERT INTO "scanned_layer" VALUES(3,'sha256:d8a1bcc24e8ffc639e3f63687dfe6daf64b5a417a4268bd54c72b4f943effd53','scanned',NULL,1,1796038705982,2560,2,'debian','12',NULL,'[]',13);
INSERT INTO "scanned_layer" VALUES(4,'sha256:9705c102b1bb78d84d8b98be916211a20bdcb15f04b4967327b065f330d91abb','scanned',NULL,1,1796038706317,2560,2,'debian','12',NULL,'[]',15);
CREATE TABLE "service_key" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "kid" VARCHAR(64) NOT NULL UNIQUE,
    "service" VARCHAR(255) NOT NULL,
    "private_key_encrypted" TEXT,
    "public_key" TEXT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "expires_at_ms" BIGINT
, "name" VARCHAR(255) NOT NULL DEFAULT '', "metadata" JSON, "approval_type" VARCHAR(16), "approver_id" BIGINT, "approved_at_ms" BIGINT, "approval_notes" TEXT, "rotation_duration_s" BIGINT, "successor_kid" VARCHAR(64), "last_accessed_at_ms" BIGINT);
INSERT INTO "service_key" VALUES(1,'hDkYIDFIEwJzJsD36_zMBkU53ssABbBVfjt7emGYXOw','quayside-registry','gAAAAABrDWAuktuOZIPrjvY2ytphPsm7roSpghsB-uY1fPIqtmFlTLiBtg0oj2IDgZY5ApDO-2QeyUuA2R1v6l6CSdls8Nk9RfvzClkGj2d3v0TkUiZLo5989RCgDorVwuzENwk3Gz8I8ycxLDSzyDD6rEPNTBvCdElBKR7cRgG2GGGMEr7I2Y1ckeSjFhVUpPHTeDYIJtrOgb_w5SEsnyOc0UCUo_eMlkA9YJm0G-91Ha4wrM2VPvWKu-1cSi_49s1u2dlPDUhts4sVcDHDkmjZ5DFuDb8iWLzVRYNhOVix_4l1ust55wjeXYb8xERxgNRXpzW_UEdUV59OCgLiHr8Q35MsByoYGdcWG7DaJ6x79glLuj95pVIcL4qDI5_rh29MqHnpFJvVgEOtfEga1BBT7szKaI989uJ0kx5GF46GcEUghMPQPPGkmPhpG7Q0r0SnU6JRBTV5xaK4rghJXKZ8zkjEdwCldZ_LAK4k7PjjVQjy9VsKKANAgdHUK6TxdJYR6hYtcSulRztMkQnIOjd7Qqp3zl8oAjxCrjlFGKxUCZa3nm3Ywch0gKGkGXKNsJB9xI4XpwFD6MiO471TIiuDPA4TBGo_kLERm8GT6LcMpPp_VPO0fwaM-O4zIUMB76BxjSOX-ye4qrFHj_FGT70wvZDXK04UXq3vDq8vZUJaNkbI1vL91j9Ue8Vp4oo2X0TRf_Ae-VWpIc9rm6EsHmOg5vpc7jBJCE-I_y8d1sE3Gm5mMjeC59FMUEd6FxWfwuf8W9xtlWlsxG2N8LPBu34D5u2C1mvXoiBBdW6lfpUCl97OkzusWdaDC_AI86nyYlj-CpnHRWWvtvaK0t1t5Akzu42qXQHP8Ohg7BvVr0vjbr6I-ZvXx2G4LVJUTEzqvHQStNLAEhjPSclQGzuzPP1ZhzzMTRh4Z39z6c2PWVQV-HYCDZxVgZFdMlmbOAZIWanSFGzwtNL8CXLAz4J_2p9LvoZjKQlJ2Xmcdq8n0zj2mkDDy-J7xZTByQ-4D-GS7ljCRVNQAMmrxQOXkX6UWD420MKOkEJVxiddfx1IwmyjI9RcMw66Pl33IS1SeA68cLZKfGON8B9JJqnCDUn2a5aZ4HOegtJvKzmHqzCXPIGyst37yApUEnZRCy44tzURQU7nc0GvcyuIuJeFQy1QWlkN408sxNi-kHivlBdOrG8epzwl8f6J1u88yjaUMb_6MHrv3eAFm48O7tzG3CKwZoGe_RvQ70IQy1k6C_kNEeODOwQuxAHyu4Q_YkEEVhKEG-DBIMpUwd0Zg2iF87AJFULNePefvqOMYkZaJaC4KxPbcPCTRJLmyIRE1Gxosb70s-cCSmPN9P3xzTjBW28kfh7McLZyKcO_czMVdPd9yhirpSbPSDrz98KoZwjkKRQ13FdMNBkJVBtrkOPTBph4T_-QrIC_oARf3HAM8M-Z7Jr6qjCC23xRhVMawsx7FO6_93-mWmiBIxoxjSY5ABiO6GTuDk_hUCxh2uRs_h_vsl5w5VE255O9fzD0gg0G0eN5zBIInp7TRl1_jfo9EnSzC9mtHPxvLH_E5YAJBNI7jYdiJKjbtDQWxefTEjHddWqfXeIiA4OkhsPRjYuz9rc5uNYbtJNsOp_vWySZnPkt4brIkzdAlFOX20sfILyvyAyD7BM-hfKZ6D1KNXS612SxxMkvN9iM5iJ4FVfviJawBnuT33UkUoJrPgao_5aLXLYuXb7iyD9_lrNE7GT-70nHmxjPSf7x_-VN0LDSfz8w8KhLlC5UtklLbeyYSHw2IKrNL53MV-C1fwRd9xAG-yMecyZAv__nCDVxWv7la6aWuCYTlGYyrYcM599NXc6-Ic9YyopihvhLZ6ImDZbXoh3lwkhsHmFbm2EoQSsNnetffizPacZLF-UNFUFaWxgI8Mu32uRUZjQZ-yJKg3h6BOrgU7DZHB8G8ZDdNpejMuwigQGuqe6FfQ7xtunyCp3eaWPq8eo48N5beo3JH7dfuh5YOMCkcIiqpxJsXL-4jlLX_c2HYGh9_Jterii9QaA2dIMtDctmudXglcXBVyUlmalnLziUI-aoyElGU63iwb1armKczGa22jKKWNFGXqAgKSMPAx1LOEQsA0qXsfOM7Px2zkBLkMQJko_SoMaa9gIpvoBbLGyEkQOThI_GV-cJdB8yck8FWJcnTmqk86zkbGuXJjDH-j9ldOS8PnqpMO8kymbwCZqRyev75SUgj7-hVzwGJFdqPmoELkq1AKKOECaYalMqbpNLGD7XHoQJrPATVpGnDLHGGyOgWpqEIErPS-a-17QAI42AqWnQ','-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA1RXa1sSTJ/CbcLdN27Hn
D/Teqe71UF5hHczyXr6WHp1boIZgb2o/D4/T/SFPlonSh0MoFaIZ7l2iAqQy7I8+
yikIkZTSYl0WqhnZY1Esx2+8usoDBvJvLjRrfG3kOouE5xVc5NqFx9g791S3gkt/
V1S4HhYxf4OBPsLFEWjX4r3FTVlYsJ3xGRllJspycqKojFI96YURtcX/XvcZsUPu
3wKe6AoGD/NJAVNRFGRq4QsvmosX8yS/udKGrWhBtjFQ1iVNZ/x2TGgWcB4ZhY6X
N4dorQ4AkHy4DTy7Q//LgA+o4gQHI0MhNUV1lL+SbUYgd+drHsp3Wv8fmzAPG/XZ
xwIDAQAB
-----END PUBLIC KEY-----
',1796038702217,NULL,'Registry tokens','{"created_by":"first start"}','automatic',NULL,1796038702217,NULL,7776000,NULL,NULL);
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
INSERT INTO "site_setting" VALUES('service_key_lock','');
INSERT INTO "site_setting" VALUES('notifications_read_up_to','0:34');
INSERT INTO "site_setting" VALUES('advisories_imported_at_ms','1796038703172');
CREATE TABLE "star" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_star_account_2e3f35" UNIQUE ("account_id", "repository_id")
);
CREATE TABLE "storage_sample" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "namespace_id" BIGINT NOT NULL,
    "repository_id" BIGINT NOT NULL,
    "day" INT NOT NULL,
    "stored_bytes" BIGINT NOT NULL,
    CONSTRAINT "uid_storage_sam_namespa_e66ffd" UNIQUE ("namespace_id", "repository_id", "day")
);
INSERT INTO "storage_sample" VALUES(1,3,0,20000,1);
CREATE TABLE "stray_upload" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "found_at_ms" BIGINT NOT NULL
);
INSERT INTO "stray_upload" VALUES(1,'22222222-2222-4222-8222-222222222222',1796038702873);
CREATE TABLE "tag" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "name" VARCHAR(128) NOT NULL,
    "started_at_ms" BIGINT NOT NULL,
    "ended_at_ms" BIGINT,
    "is_reversion" INT NOT NULL,
    "is_immutable" INT NOT NULL,
    "manifest_id" BIGINT NOT NULL REFERENCES "manifest" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE
, "is_expiration" INT NOT NULL DEFAULT 0, "would_expire_at_ms" BIGINT, "has_ended" INT NOT NULL DEFAULT 0, "pusher_id" BIGINT, "life" INT NOT NULL DEFAULT 0, "confirmed_at_ms" BIGINT);
INSERT INTO "tag" VALUES(1,'latest',1796038702637,1796038702659,0,0,1,1,0,NULL,1,3,0,NULL);
INSERT INTO "tag" VALUES(2,'latest',1796038702659,1796038702673,0,0,2,1,0,NULL,1,3,0,NULL);
INSERT INTO "tag" VALUES(3,'latest',1796038702673,NULL,0,0,3,1,0,NULL,0,3,0,NULL);
INSERT INTO "tag" VALUES(4,'v1',1796038702683,NULL,0,1,3,1,0,NULL,0,3,0,NULL);
INSERT INTO "tag" VALUES(5,'v2',1796038702703,1796125102712,0,0,3,1,1,NULL,0,1,0,NULL);
INSERT INTO "tag" VALUES(6,'1.0',1796038702742,NULL,0,0,4,2,0,NULL,0,3,0,NULL);
INSERT INTO "tag" VALUES(7,'scanned',1796038703340,NULL,0,0,5,1,0,NULL,0,3,0,NULL);
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
INSERT INTO "team" VALUES(1,'owners','admin','',1796038702232,3);
INSERT INTO "team" VALUES(2,'readers','member','',1796038702242,3);
INSERT INTO "team" VALUES(3,'owners','admin','',1796038702892,5);
INSERT INTO "team" VALUES(4,'owners','admin','',1796038703001,6);
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
INSERT INTO "team_member" VALUES(3,1,3);
INSERT INTO "team_member" VALUES(4,1,4);
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
INSERT INTO "tortoise_migrations" VALUES(1,'models','0001_initial','2026-11-30 11:38:14.072115+00:00');
INSERT INTO "tortoise_migrations" VALUES(2,'models','0002_partial_indexes','2026-11-30 11:38:14.077822+00:00');
INSERT INTO "tortoise_migrations" VALUES(3,'models','0003_identity','2026-11-30 11:38:14.384413+00:00');
INSERT INTO "tortoise_migrations" VALUES(4,'models','0004_sign_in_failure','2026-11-30 11:38:14.396922+00:00');
INSERT INTO "tortoise_migrations" VALUES(5,'models','0005_token_listing','2026-11-30 11:38:14.402928+00:00');
INSERT INTO "tortoise_migrations" VALUES(6,'models','0006_content_and_audit','2026-11-30 11:38:14.547781+00:00');
INSERT INTO "tortoise_migrations" VALUES(7,'models','0007_audit_daily','2026-11-30 11:38:14.555995+00:00');
INSERT INTO "tortoise_migrations" VALUES(8,'models','0008_tag_expiration','2026-11-30 11:38:14.571999+00:00');
INSERT INTO "tortoise_migrations" VALUES(9,'models','0009_search','2026-11-30 11:38:14.607464+00:00');
INSERT INTO "tortoise_migrations" VALUES(10,'models','0010_artifact_kind','2026-11-30 11:38:14.627912+00:00');
INSERT INTO "tortoise_migrations" VALUES(11,'models','0011_repository_path','2026-11-30 11:38:14.819797+00:00');
INSERT INTO "tortoise_migrations" VALUES(12,'models','0012_deleted_manifest','2026-11-30 11:38:14.858437+00:00');
INSERT INTO "tortoise_migrations" VALUES(13,'models','0013_collection','2026-11-30 11:38:14.950704+00:00');
INSERT INTO "tortoise_migrations" VALUES(14,'models','0014_popularity','2026-11-30 11:38:14.966164+00:00');
INSERT INTO "tortoise_migrations" VALUES(15,'models','0015_ended_early','2026-11-30 11:38:14.974165+00:00');
INSERT INTO "tortoise_migrations" VALUES(16,'models','0016_job_progress','2026-11-30 11:38:15.057362+00:00');
INSERT INTO "tortoise_migrations" VALUES(17,'models','0017_blob_state','2026-11-30 11:38:15.128840+00:00');
INSERT INTO "tortoise_migrations" VALUES(18,'models','0018_known_address','2026-11-30 11:38:15.162551+00:00');
INSERT INTO "tortoise_migrations" VALUES(19,'models','0019_rate_count','2026-11-30 11:38:15.187948+00:00');
INSERT INTO "tortoise_migrations" VALUES(20,'models','0020_span_end','2026-11-30 11:38:15.623848+00:00');
INSERT INTO "tortoise_migrations" VALUES(21,'models','0021_upload_size','2026-11-30 11:38:15.664059+00:00');
INSERT INTO "tortoise_migrations" VALUES(22,'models','0022_email_key','2026-11-30 11:38:15.707900+00:00');
INSERT INTO "tortoise_migrations" VALUES(23,'models','0023_whole_patterns','2026-11-30 11:38:15.740901+00:00');
INSERT INTO "tortoise_migrations" VALUES(24,'models','0024_tag_pusher','2026-11-30 11:38:15.766000+00:00');
INSERT INTO "tortoise_migrations" VALUES(25,'models','0025_tag_life','2026-11-30 11:38:15.812019+00:00');
INSERT INTO "tortoise_migrations" VALUES(26,'models','0026_event_pushes','2026-11-30 11:38:15.824001+00:00');
INSERT INTO "tortoise_migrations" VALUES(27,'models','0027_stored_bytes','2026-11-30 11:38:15.879810+00:00');
INSERT INTO "tortoise_migrations" VALUES(28,'models','0028_quota','2026-11-30 11:38:15.903904+00:00');
INSERT INTO "tortoise_migrations" VALUES(29,'models','0029_reservation','2026-11-30 11:38:15.940035+00:00');
INSERT INTO "tortoise_migrations" VALUES(30,'models','0030_prune_policy','2026-11-30 11:38:15.964095+00:00');
INSERT INTO "tortoise_migrations" VALUES(31,'models','0031_content_use','2026-11-30 11:38:16.666068+00:00');
INSERT INTO "tortoise_migrations" VALUES(32,'models','0032_prune_run','2026-11-30 11:38:16.707857+00:00');
INSERT INTO "tortoise_migrations" VALUES(33,'models','0033_tag_order','2026-11-30 11:38:16.836540+00:00');
INSERT INTO "tortoise_migrations" VALUES(34,'models','0034_inbox','2026-11-30 11:38:17.195885+00:00');
INSERT INTO "tortoise_migrations" VALUES(35,'models','0035_repository_mirror','2026-11-30 11:38:17.324905+00:00');
INSERT INTO "tortoise_migrations" VALUES(36,'models','0036_incoming_upload','2026-11-30 11:38:17.418782+00:00');
INSERT INTO "tortoise_migrations" VALUES(37,'models','0037_authorized_email','2026-11-30 11:38:17.547027+00:00');
INSERT INTO "tortoise_migrations" VALUES(38,'models','0038_proxy_cache','2026-11-30 11:38:17.607870+00:00');
INSERT INTO "tortoise_migrations" VALUES(39,'models','0039_notification','2026-11-30 11:38:17.804685+00:00');
INSERT INTO "tortoise_migrations" VALUES(40,'models','0040_expiry_notice','2026-11-30 11:38:17.838768+00:00');
INSERT INTO "tortoise_migrations" VALUES(41,'models','0041_organization_mirror','2026-11-30 11:38:18.047906+00:00');
INSERT INTO "tortoise_migrations" VALUES(42,'models','0042_held_manifest','2026-11-30 11:38:18.099994+00:00');
INSERT INTO "tortoise_migrations" VALUES(43,'models','0043_notice_repository','2026-11-30 11:38:18.131214+00:00');
INSERT INTO "tortoise_migrations" VALUES(44,'models','0044_extra_cas','2026-11-30 11:38:18.208851+00:00');
INSERT INTO "tortoise_migrations" VALUES(45,'models','0045_counts_of_all','2026-11-30 11:38:18.234494+00:00');
INSERT INTO "tortoise_migrations" VALUES(46,'models','0046_account_listing','2026-11-30 11:38:18.559408+00:00');
INSERT INTO "tortoise_migrations" VALUES(47,'models','0047_user_lists','2026-11-30 11:38:18.577884+00:00');
INSERT INTO "tortoise_migrations" VALUES(48,'models','0048_service_key','2026-11-30 11:38:18.735880+00:00');
INSERT INTO "tortoise_migrations" VALUES(49,'models','0049_build','2026-11-30 11:38:19.527941+00:00');
INSERT INTO "tortoise_migrations" VALUES(50,'models','0050_build_provenance','2026-11-30 11:38:19.579524+00:00');
INSERT INTO "tortoise_migrations" VALUES(51,'models','0051_build_trigger','2026-11-30 11:38:20.031081+00:00');
INSERT INTO "tortoise_migrations" VALUES(52,'models','0052_advisory','2026-11-30 11:38:20.133548+00:00');
INSERT INTO "tortoise_migrations" VALUES(53,'models','0053_scan','2026-11-30 11:38:20.756232+00:00');
INSERT INTO "tortoise_migrations" VALUES(54,'models','0054_vulnerability','2026-11-30 11:38:20.827867+00:00');
INSERT INTO "tortoise_migrations" VALUES(55,'models','0055_build_sbom','2026-11-30 11:38:20.873806+00:00');
INSERT INTO "tortoise_migrations" VALUES(56,'models','0056_pull_policy','2026-11-30 11:38:21.351424+00:00');
INSERT INTO "tortoise_migrations" VALUES(57,'models','0057_pull_robot','2026-11-30 11:38:21.559956+00:00');
INSERT INTO "tortoise_migrations" VALUES(58,'models','0058_vex','2026-11-30 11:38:21.651840+00:00');
CREATE TABLE "upload" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "created_at_ms" BIGINT NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE
, "used_at_ms" BIGINT, "size_bytes" BIGINT NOT NULL DEFAULT 0, "namespace_id" BIGINT, "reserved_bytes" BIGINT NOT NULL DEFAULT 0, "digest" VARCHAR(140), "holder" VARCHAR(36), "held_until_ms" BIGINT);
INSERT INTO "upload" VALUES(1,'11111111-1111-4111-8111-111111111111',1796038702782,1,1,NULL,0,NULL,0,NULL,NULL,NULL);
CREATE TABLE "vex_document" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "pushed_by" VARCHAR(255),
    "state" VARCHAR(16) NOT NULL,
    "reason" TEXT,
    "manifest_id" BIGINT NOT NULL UNIQUE REFERENCES "manifest" ("id") ON DELETE CASCADE
);
INSERT INTO "vex_document" VALUES(1,NULL,'read',NULL,1);
CREATE TABLE "vex_statement" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "name" VARCHAR(128) NOT NULL,
    "ecosystem" VARCHAR(16) NOT NULL,
    "package_name" VARCHAR(512) NOT NULL,
    "package_version" VARCHAR(255) NOT NULL,
    "status" VARCHAR(32) NOT NULL,
    "is_suppressing" INT NOT NULL,
    "justification" VARCHAR(64),
    "impact" TEXT,
    "stated_at_ms" BIGINT NOT NULL,
    "document_id" BIGINT NOT NULL REFERENCES "vex_document" ("id") ON DELETE CASCADE
);
INSERT INTO "vex_statement" VALUES(1,'A','','','','fixed',1,NULL,NULL,0,1);
CREATE TABLE "vulnerability" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "fixed_version" TEXT,
    "severity" SMALLINT NOT NULL,
    "advisory_id" BIGINT NOT NULL REFERENCES "advisory" ("id") ON DELETE CASCADE,
    "package_id" BIGINT NOT NULL REFERENCES "package" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_vulnerabili_package_174da5" UNIQUE ("package_id", "advisory_id")
);
INSERT INTO "vulnerability" VALUES(1,NULL,5,1,2);
CREATE TABLE "vulnerability_notice" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "advisory_id" BIGINT NOT NULL REFERENCES "advisory" ("id") ON DELETE CASCADE,
    "manifest_id" BIGINT NOT NULL REFERENCES "manifest" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_vulnerabili_manifes_8db792" UNIQUE ("manifest_id", "advisory_id")
);
INSERT INTO "vulnerability_notice" VALUES(1,1,1);
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
CREATE INDEX "idx_namespace_c_namespa_9fd34d" ON "namespace_content" ("namespace_id", "size_bytes", "id");
CREATE INDEX "idx_repository__namespa_b0f9d9" ON "repository_size" ("namespace_id", "stored_bytes", "repository_id");
CREATE INDEX "idx_storage_sam_day_80c79b" ON "storage_sample" ("day");
CREATE TRIGGER repository_blob_enters AFTER INSERT ON repository_blob BEGIN INSERT INTO namespace_size (namespace_id, stored_bytes) SELECT (SELECT namespace_id FROM repository WHERE id = NEW.repository_id), 0 WHERE 1 ON CONFLICT (namespace_id) DO NOTHING; UPDATE namespace_size SET stored_bytes = stored_bytes + (SELECT size_bytes FROM blob WHERE id = NEW.blob_id) WHERE namespace_id = (SELECT namespace_id FROM repository WHERE id = NEW.repository_id) AND 1 AND NOT EXISTS (SELECT 1 FROM namespace_content WHERE namespace_id = (SELECT namespace_id FROM repository WHERE id = NEW.repository_id) AND digest = (SELECT digest FROM blob WHERE id = NEW.blob_id) AND is_manifest = 0); INSERT INTO namespace_content (namespace_id, digest, is_manifest, size_bytes, holders) SELECT (SELECT namespace_id FROM repository WHERE id = NEW.repository_id), (SELECT digest FROM blob WHERE id = NEW.blob_id), 0, (SELECT size_bytes FROM blob WHERE id = NEW.blob_id), 1 WHERE 1 ON CONFLICT (namespace_id, digest, is_manifest) DO UPDATE SET holders = holders + 1; INSERT INTO repository_size (repository_id, namespace_id, stored_bytes) SELECT NEW.repository_id, (SELECT namespace_id FROM repository WHERE id = NEW.repository_id), (SELECT size_bytes FROM blob WHERE id = NEW.blob_id) WHERE 1 ON CONFLICT (repository_id) DO UPDATE SET stored_bytes = stored_bytes + excluded.stored_bytes; END;
CREATE TRIGGER repository_blob_leaves AFTER DELETE ON repository_blob BEGIN UPDATE namespace_size SET stored_bytes = stored_bytes - (SELECT size_bytes FROM blob WHERE id = OLD.blob_id) WHERE namespace_id = (SELECT namespace_id FROM repository_size WHERE repository_id = OLD.repository_id) AND EXISTS (SELECT 1 FROM namespace_content WHERE namespace_id = (SELECT namespace_id FROM repository_size WHERE repository_id = OLD.repository_id) AND digest = (SELECT digest FROM blob WHERE id = OLD.blob_id) AND is_manifest = 0 AND holders <= 1); UPDATE namespace_content SET holders = holders - 1 WHERE namespace_id = (SELECT namespace_id FROM repository_size WHERE repository_id = OLD.repository_id) AND digest = (SELECT digest FROM blob WHERE id = OLD.blob_id) AND is_manifest = 0; DELETE FROM namespace_content WHERE namespace_id = (SELECT namespace_id FROM repository_size WHERE repository_id = OLD.repository_id) AND digest = (SELECT digest FROM blob WHERE id = OLD.blob_id) AND is_manifest = 0 AND holders <= 0; UPDATE repository_size SET stored_bytes = stored_bytes - (SELECT size_bytes FROM blob WHERE id = OLD.blob_id) WHERE repository_id = OLD.repository_id; END;
CREATE TRIGGER manifest_enters AFTER INSERT ON manifest WHEN NEW.collected_at_ms IS NULL BEGIN INSERT INTO namespace_size (namespace_id, stored_bytes) SELECT (SELECT namespace_id FROM repository WHERE id = NEW.repository_id), 0 WHERE 1 ON CONFLICT (namespace_id) DO NOTHING; UPDATE namespace_size SET stored_bytes = stored_bytes + NEW.size_bytes WHERE namespace_id = (SELECT namespace_id FROM repository WHERE id = NEW.repository_id) AND 1 AND NOT EXISTS (SELECT 1 FROM namespace_content WHERE namespace_id = (SELECT namespace_id FROM repository WHERE id = NEW.repository_id) AND digest = COALESCE(NEW.deleted_digest, NEW.digest) AND is_manifest = 1); INSERT INTO namespace_content (namespace_id, digest, is_manifest, size_bytes, holders) SELECT (SELECT namespace_id FROM repository WHERE id = NEW.repository_id), COALESCE(NEW.deleted_digest, NEW.digest), 1, NEW.size_bytes, 1 WHERE 1 ON CONFLICT (namespace_id, digest, is_manifest) DO UPDATE SET holders = holders + 1; INSERT INTO repository_size (repository_id, namespace_id, stored_bytes) SELECT NEW.repository_id, (SELECT namespace_id FROM repository WHERE id = NEW.repository_id), NEW.size_bytes WHERE 1 ON CONFLICT (repository_id) DO UPDATE SET stored_bytes = stored_bytes + excluded.stored_bytes; END;
CREATE TRIGGER manifest_leaves AFTER DELETE ON manifest WHEN OLD.collected_at_ms IS NULL BEGIN UPDATE namespace_size SET stored_bytes = stored_bytes - OLD.size_bytes WHERE namespace_id = (SELECT namespace_id FROM repository_size WHERE repository_id = OLD.repository_id) AND EXISTS (SELECT 1 FROM namespace_content WHERE namespace_id = (SELECT namespace_id FROM repository_size WHERE repository_id = OLD.repository_id) AND digest = COALESCE(OLD.deleted_digest, OLD.digest) AND is_manifest = 1 AND holders <= 1); UPDATE namespace_content SET holders = holders - 1 WHERE namespace_id = (SELECT namespace_id FROM repository_size WHERE repository_id = OLD.repository_id) AND digest = COALESCE(OLD.deleted_digest, OLD.digest) AND is_manifest = 1; DELETE FROM namespace_content WHERE namespace_id = (SELECT namespace_id FROM repository_size WHERE repository_id = OLD.repository_id) AND digest = COALESCE(OLD.deleted_digest, OLD.digest) AND is_manifest = 1 AND holders <= 0; UPDATE repository_size SET stored_bytes = stored_bytes - OLD.size_bytes WHERE repository_id = OLD.repository_id; END;
CREATE TRIGGER manifest_collected AFTER UPDATE OF collected_at_ms ON manifest WHEN OLD.collected_at_ms IS NULL AND NEW.collected_at_ms IS NOT NULL BEGIN UPDATE namespace_size SET stored_bytes = stored_bytes - OLD.size_bytes WHERE namespace_id = (SELECT namespace_id FROM repository_size WHERE repository_id = OLD.repository_id) AND EXISTS (SELECT 1 FROM namespace_content WHERE namespace_id = (SELECT namespace_id FROM repository_size WHERE repository_id = OLD.repository_id) AND digest = COALESCE(OLD.deleted_digest, OLD.digest) AND is_manifest = 1 AND holders <= 1); UPDATE namespace_content SET holders = holders - 1 WHERE namespace_id = (SELECT namespace_id FROM repository_size WHERE repository_id = OLD.repository_id) AND digest = COALESCE(OLD.deleted_digest, OLD.digest) AND is_manifest = 1; DELETE FROM namespace_content WHERE namespace_id = (SELECT namespace_id FROM repository_size WHERE repository_id = OLD.repository_id) AND digest = COALESCE(OLD.deleted_digest, OLD.digest) AND is_manifest = 1 AND holders <= 0; UPDATE repository_size SET stored_bytes = stored_bytes - OLD.size_bytes WHERE repository_id = OLD.repository_id; END;
CREATE TRIGGER manifest_stored_again AFTER UPDATE OF collected_at_ms ON manifest WHEN OLD.collected_at_ms IS NOT NULL AND NEW.collected_at_ms IS NULL BEGIN INSERT INTO namespace_size (namespace_id, stored_bytes) SELECT (SELECT namespace_id FROM repository WHERE id = NEW.repository_id), 0 WHERE 1 ON CONFLICT (namespace_id) DO NOTHING; UPDATE namespace_size SET stored_bytes = stored_bytes + NEW.size_bytes WHERE namespace_id = (SELECT namespace_id FROM repository WHERE id = NEW.repository_id) AND 1 AND NOT EXISTS (SELECT 1 FROM namespace_content WHERE namespace_id = (SELECT namespace_id FROM repository WHERE id = NEW.repository_id) AND digest = COALESCE(NEW.deleted_digest, NEW.digest) AND is_manifest = 1); INSERT INTO namespace_content (namespace_id, digest, is_manifest, size_bytes, holders) SELECT (SELECT namespace_id FROM repository WHERE id = NEW.repository_id), COALESCE(NEW.deleted_digest, NEW.digest), 1, NEW.size_bytes, 1 WHERE 1 ON CONFLICT (namespace_id, digest, is_manifest) DO UPDATE SET holders = holders + 1; INSERT INTO repository_size (repository_id, namespace_id, stored_bytes) SELECT NEW.repository_id, (SELECT namespace_id FROM repository WHERE id = NEW.repository_id), NEW.size_bytes WHERE 1 ON CONFLICT (repository_id) DO UPDATE SET stored_bytes = stored_bytes + excluded.stored_bytes; END;
CREATE INDEX "idx_upload_reserved" ON "upload" ("namespace_id", "reserved_bytes") WHERE "reserved_bytes" > 0;
CREATE INDEX "idx_prune_polic_namespa_8607a8" ON "prune_policy" ("namespace_id");
CREATE INDEX "idx_prune_polic_reposit_dd2d2b" ON "prune_policy" ("repository_id");
CREATE TRIGGER manifest_blob_namespace AFTER INSERT ON manifest_blob WHEN NEW.namespace_id IS NULL BEGIN UPDATE manifest_blob SET namespace_id = (SELECT r.namespace_id FROM manifest m JOIN repository r ON r.id = m.repository_id WHERE m.id = NEW.manifest_id) WHERE id = NEW.id; END;
CREATE TRIGGER manifest_child_namespace AFTER INSERT ON manifest_child WHEN NEW.namespace_id IS NULL BEGIN UPDATE manifest_child SET namespace_id = (SELECT r.namespace_id FROM manifest m JOIN repository r ON r.id = m.repository_id WHERE m.id = NEW.manifest_id) WHERE id = NEW.id; END;
CREATE INDEX "idx_manifest_bl_namespa_ad130d" ON "manifest_blob" ("namespace_id", "digest", "manifest_id");
CREATE INDEX "idx_manifest_ch_namespa_da12d5" ON "manifest_child" ("namespace_id", "digest", "manifest_id");
CREATE INDEX "idx_prune_run_policy__3592c6" ON "prune_run" ("policy_id");
CREATE INDEX "idx_tag_order" ON "tag" ("repository_id", "id");
CREATE INDEX "idx_inbox_notic_created_7f30d4" ON "inbox_notice" ("created_at_ms");
CREATE INDEX "idx_inbox_notic_invite__cf93c0" ON "inbox_notice" ("invite_id");
CREATE INDEX "idx_inbox_notic_account_af271a" ON "inbox_notice" ("account_id", "id");
CREATE INDEX "idx_inbox_notic_team_id_e1a299" ON "inbox_notice" ("team_id", "id");
CREATE INDEX "idx_inbox_dismi_account_be7c3c" ON "inbox_dismissal" ("account_id");
CREATE INDEX "idx_repository__robot_i_bf2cd8" ON "repository_mirror" ("robot_id");
CREATE INDEX "idx_repository__sync_st_c88240" ON "repository_mirror" ("sync_starts_at_ms", "id");
CREATE INDEX "idx_mirror_run_mirror__c78d53" ON "mirror_run" ("mirror_id", "id");
CREATE UNIQUE INDEX "uid_upload_digest" ON "upload" ("repository_id", "digest");
CREATE INDEX "idx_authorized__asked_a_b1f691" ON "authorized_email" ("asked_at_ms");
CREATE INDEX "idx_authorized__namespa_99a59a" ON "authorized_email" ("namespace_id");
CREATE INDEX "idx_notificatio_namespa_70ad03" ON "notification" ("namespace_id");
CREATE INDEX "idx_notificatio_reposit_8b61ee" ON "notification" ("repository_id");
CREATE INDEX "idx_notification_delivery_of" ON "notification_delivery" ("notification_id", "id");
CREATE INDEX "idx_notification_delivery_due" ON "notification_delivery" ("notification_id", "status", "id");
CREATE INDEX "idx_notification_delivery_age" ON "notification_delivery" ("created_at_ms");
CREATE INDEX "idx_expiry_noti_expires_68f1e1" ON "expiry_notice" ("expires_at_ms");
CREATE INDEX "idx_organizatio_robot_i_7a69de" ON "organization_mirror" ("robot_id");
CREATE INDEX "idx_organizatio_sync_st_f5bbfb" ON "organization_mirror" ("sync_starts_at_ms", "id");
CREATE INDEX "idx_held_manife_cache_i_58610d" ON "held_manifest" ("cache_id", "used_at_ms", "manifest_id");
CREATE INDEX "idx_audit_daily_of_all" ON "audit_daily" ("day", "kind", "entries");
CREATE INDEX "idx_account_listing_name" ON "account" ("kind", "name") WHERE "deleted_at_ms" IS NULL;
CREATE INDEX "idx_account_listing_id" ON "account" ("kind", "id") WHERE "deleted_at_ms" IS NULL;
CREATE INDEX "idx_account_listing_used" ON "account" ("kind", COALESCE("last_accessed_at_ms", 0), "id") WHERE "deleted_at_ms" IS NULL;
CREATE INDEX "idx_account_disabled" ON "account" ("id") WHERE NOT "is_enabled";
CREATE INDEX "idx_account_superuser" ON "account" ("id") WHERE "is_superuser";
CREATE INDEX "idx_service_key_service_4def10" ON "service_key" ("service", "id");
CREATE INDEX "idx_inbox_notice_site" ON "inbox_notice" ("id") WHERE account_id IS NULL AND team_id IS NULL;
CREATE INDEX "idx_build_account_ff2f4a" ON "build" ("account_id");
CREATE INDEX "idx_build_robot_i_3b9e4c" ON "build" ("robot_id");
CREATE INDEX "idx_build_reposit_ad1c58" ON "build" ("repository_id", "created_at_ms", "id");
CREATE INDEX "idx_build_phase_869bb8" ON "build" ("phase", "id");
CREATE INDEX "idx_build_reposit_a51190" ON "build" ("repository_id", "digest", "id");
CREATE INDEX "idx_build_trigg_account_08eab2" ON "build_trigger" ("account_id");
CREATE INDEX "idx_build_trigg_robot_i_3a4994" ON "build_trigger" ("robot_id");
CREATE INDEX "idx_build_trigg_reposit_7cc468" ON "build_trigger" ("repository_id", "created_at_ms", "id");
CREATE INDEX "idx_build_trigger_f94c23" ON "build" ("trigger_id", "created_at_ms", "id");
CREATE INDEX "idx_advisory_withdra_0c78b4" ON "advisory" ("withdrawn_at_ms");
CREATE INDEX "idx_advisory_na_name_452866" ON "advisory_name" ("name", "advisory_id");
CREATE INDEX "idx_affected_pa_advisor_47758c" ON "affected_package" ("advisory_id");
CREATE INDEX "idx_affected_pa_ecosyst_028ca4" ON "affected_package" ("ecosystem", "name");
CREATE INDEX "idx_package_name_c6f168" ON "package" ("name", "ecosystem");
CREATE INDEX "idx_package_source__a38e49" ON "package" ("source_name", "ecosystem");
CREATE INDEX "idx_package_fil_layer_i_de195e" ON "package_file" ("layer_id");
CREATE INDEX "idx_found_packa_package_9806cf" ON "found_package" ("package_id");
CREATE INDEX "idx_hidden_file_file_id_f5b087" ON "hidden_file" ("file_id");
CREATE INDEX "idx_vulnerabili_advisor_1c4bf7" ON "vulnerability" ("advisory_id");
CREATE INDEX "idx_vulnerabili_advisor_976791" ON "vulnerability_notice" ("advisory_id");
CREATE INDEX "idx_pull_policy_reposit_396c37" ON "pull_policy" ("repository_id");
CREATE INDEX "idx_pull_policy_namespa_7909e3" ON "pull_policy" ("namespace_id", "repository_id");
CREATE INDEX "idx_vex_stateme_documen_b027c8" ON "vex_statement" ("document_id", "name");
PRAGMA writable_schema=OFF;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('tortoise_migrations',58);
INSERT INTO "sqlite_sequence" VALUES('namespace_content',13);
INSERT INTO "sqlite_sequence" VALUES('account',7);
INSERT INTO "sqlite_sequence" VALUES('audit_log',41);
INSERT INTO "sqlite_sequence" VALUES('event',50);
INSERT INTO "sqlite_sequence" VALUES('service_key',1);
INSERT INTO "sqlite_sequence" VALUES('team',4);
INSERT INTO "sqlite_sequence" VALUES('team_member',4);
INSERT INTO "sqlite_sequence" VALUES('robot',2);
INSERT INTO "sqlite_sequence" VALUES('access_token',1);
INSERT INTO "sqlite_sequence" VALUES('app_token',1);
INSERT INTO "sqlite_sequence" VALUES('repository',3);
INSERT INTO "sqlite_sequence" VALUES('repository_permission',5);
INSERT INTO "sqlite_sequence" VALUES('blob',16);
INSERT INTO "sqlite_sequence" VALUES('repository_blob',9);
INSERT INTO "sqlite_sequence" VALUES('manifest',5);
INSERT INTO "sqlite_sequence" VALUES('manifest_blob',9);
INSERT INTO "sqlite_sequence" VALUES('job',13);
INSERT INTO "sqlite_sequence" VALUES('tag',7);
INSERT INTO "sqlite_sequence" VALUES('daily_activity',6);
INSERT INTO "sqlite_sequence" VALUES('manifest_child',2);
INSERT INTO "sqlite_sequence" VALUES('prune_policy',1);
INSERT INTO "sqlite_sequence" VALUES('prune_run',1);
INSERT INTO "sqlite_sequence" VALUES('upload',1);
INSERT INTO "sqlite_sequence" VALUES('repository_mirror',1);
INSERT INTO "sqlite_sequence" VALUES('mirror_run',1);
INSERT INTO "sqlite_sequence" VALUES('quota_notice',1);
INSERT INTO "sqlite_sequence" VALUES('inbox_notice',1);
INSERT INTO "sqlite_sequence" VALUES('inbox_dismissal',1);
INSERT INTO "sqlite_sequence" VALUES('authorized_email',1);
INSERT INTO "sqlite_sequence" VALUES('mail',1);
INSERT INTO "sqlite_sequence" VALUES('expiry_notice',1);
INSERT INTO "sqlite_sequence" VALUES('stray_upload',1);
INSERT INTO "sqlite_sequence" VALUES('storage_sample',1);
INSERT INTO "sqlite_sequence" VALUES('quota',1);
INSERT INTO "sqlite_sequence" VALUES('quota_limit',1);
INSERT INTO "sqlite_sequence" VALUES('proxy_cache',1);
INSERT INTO "sqlite_sequence" VALUES('notification',1);
INSERT INTO "sqlite_sequence" VALUES('notification_delivery',1);
INSERT INTO "sqlite_sequence" VALUES('organization_mirror',1);
INSERT INTO "sqlite_sequence" VALUES('discovered_repository',1);
INSERT INTO "sqlite_sequence" VALUES('context_file',1);
INSERT INTO "sqlite_sequence" VALUES('build',3);
INSERT INTO "sqlite_sequence" VALUES('build_log_line',2);
INSERT INTO "sqlite_sequence" VALUES('build_log_archive',1);
INSERT INTO "sqlite_sequence" VALUES('build_trigger',1);
INSERT INTO "sqlite_sequence" VALUES('advisory',1);
INSERT INTO "sqlite_sequence" VALUES('advisory_name',1);
INSERT INTO "sqlite_sequence" VALUES('affected_package',1);
INSERT INTO "sqlite_sequence" VALUES('advisory_change',1);
INSERT INTO "sqlite_sequence" VALUES('scanned_layer',4);
INSERT INTO "sqlite_sequence" VALUES('manifest_scan',4);
INSERT INTO "sqlite_sequence" VALUES('package',2);
INSERT INTO "sqlite_sequence" VALUES('layer_listing',2);
INSERT INTO "sqlite_sequence" VALUES('package_file',2);
INSERT INTO "sqlite_sequence" VALUES('found_package',2);
INSERT INTO "sqlite_sequence" VALUES('vulnerability',1);
INSERT INTO "sqlite_sequence" VALUES('compared_package',2);
INSERT INTO "sqlite_sequence" VALUES('hidden_file',1);
INSERT INTO "sqlite_sequence" VALUES('vulnerability_notice',1);
INSERT INTO "sqlite_sequence" VALUES('pull_policy_notice',1);
INSERT INTO "sqlite_sequence" VALUES('vex_document',1);
INSERT INTO "sqlite_sequence" VALUES('vex_statement',1);
INSERT INTO "sqlite_sequence" VALUES('pull_policy',2);
INSERT INTO "sqlite_sequence" VALUES('findings_revision',1);
INSERT INTO "sqlite_sequence" VALUES('pull_exception',1);
COMMIT;
